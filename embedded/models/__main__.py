"""`python -m embedded.models --port 18090` serves the local models until it is told to stop."""

import argparse
import os

import uvicorn

# Read when llama.cpp is loaded: its threads sleep while they wait for each other. Spinning, they take the cores from whatever
# else wants them, and two are then slower than one.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from embedded.models import API_KEY
from embedded.models.app import app_make


def main() -> None:
    """Read the options, load the models and serve."""
    parser = argparse.ArgumentParser(prog="python -m embedded.models", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("MERIDIAN_MODELS_PORT", "18090")))
    parser.add_argument("--api-key", default=API_KEY, help="what callers send as their bearer token")
    options = parser.parse_args()
    uvicorn.run(
        app_make(options.api_key),
        host=options.host,
        port=options.port,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
