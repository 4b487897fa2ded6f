"""`python -m embedded.meta --port 18091` serves the pretend Meta until it is told to stop."""

import argparse
import os

import uvicorn

from embedded.meta.app import app_make
from embedded.meta.settings import Settings


def main() -> None:
    """Read the options and the environment, and serve."""
    parser = argparse.ArgumentParser(prog="python -m embedded.meta", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("MERIDIAN_META_PORT", "18091")))
    options = parser.parse_args()
    uvicorn.run(
        app_make(Settings.from_env(os.environ, options.port)),
        host=options.host,
        port=options.port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
