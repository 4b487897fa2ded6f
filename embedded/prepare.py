"""`python -m embedded.prepare [--seed]`: brings the database and the static files of a stack up to date, in one Django start."""

import argparse
import hashlib
import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from embedded.paths import CHECKOUT

SOURCES = ("apps", "config", "embedded", "frontend/dist", "requirements")
PROVIDERS = (
    "MERIDIAN_LOCAL_MODELS",
    "DEEPGRAM_API_KEY",
    "ELEVENLABS_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "MERIDIAN_PRETEND_META",
)


def main() -> None:
    """Migrate every schema, collect the static files when they changed, and seed the demo when asked."""
    parser = argparse.ArgumentParser(prog="python -m embedded.prepare", description=main.__doc__)
    parser.add_argument("--seed", action="store_true", help="make the demo's tenants, people and agents")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    import django

    django.setup()
    _migrate()
    _static_collect()
    if options.seed:
        _seed()


def prepared_state(env: Mapping[str, str], *, seed: bool) -> str:
    """Return a hash over what decides the outcome: the code, the static files, and which providers there are."""
    providers = [name for name in PROVIDERS if env.get(name)]
    digest = hashlib.sha256(repr((seed, providers, env["DATABASE_URL"].rpartition("/")[2], env["STATIC_ROOT"])).encode())
    for root in SOURCES:
        for path in sorted((CHECKOUT / root).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                stat = path.stat()
                digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _migrate() -> None:
    from django.core.management import call_command

    print("migrating", flush=True)
    with redirect_stdout(StringIO()):  # it prints a line for each migration of each tenant
        call_command("migrate_schemas", interactive=False)


def _static_collect() -> None:
    from django.conf import settings
    from django.core.management import call_command

    stamp = Path(settings.STATIC_ROOT) / ".collected"
    state = _static_state()
    if stamp.is_file() and stamp.read_text() == state:
        return
    print("collecting static files", flush=True)
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(state)


def _static_state() -> str:
    """Return a hash over the name, size and time of every static file that would be collected."""
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            stat = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _seed() -> None:
    from django.core.management import call_command

    print("seeding the demo", flush=True)
    call_command("seed_demo")


if __name__ == "__main__":
    main()
