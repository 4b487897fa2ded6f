"""Reads the environment once, and names what is missing in a sentence instead of a stack trace."""

import os
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent

HELP = {
    "SECRET_KEY": "a long random string that signs sessions and tokens",
    "FIELD_KEYS": "one or more Fernet keys, comma separated, that encrypt stored credentials",
    "DATABASE_URL": "the address of Postgres, such as postgres://user:password@host:5432/meridian",
    "REDIS_URL": "the address of Redis or Valkey, such as redis://host:6379/0",
    "LIVEKIT_URL": "the address of livekit-server, such as ws://127.0.0.1:7880",
    "LIVEKIT_API_KEY": "the API key that livekit-server knows",
    "LIVEKIT_API_SECRET": "the secret that belongs to LIVEKIT_API_KEY, at least 32 characters",
    "STRIPE_WEBHOOK_SECRET": "the signing secret (whsec_…) of the webhook endpoint that belongs to STRIPE_SECRET_KEY; "
    "without it nothing here would hear that an invoice was paid",
    "DUNNING_DAYS": "days after the due date, ascending: of the two reminders, of the final notice and of the restriction",
}


class MissingSetting(SystemExit):
    """Start-up stops here: a required setting has no value, or another one none that can be used."""


def env_load() -> None:
    """Loads `.env` and the running stack's `stack.env`; what is set already wins. MERIDIAN_ENV_FILES=off loads neither."""
    if not flag("MERIDIAN_ENV_FILES", True):
        return
    for path in (ROOT / ".env", stack_env_path()):
        if path is not None and path.is_file():
            _load(path)


def stack_env_path() -> Path | None:
    """Where `manage.py up` wrote the addresses of the running stack, if it did."""
    named = os.environ.get("MERIDIAN_STACK_ENV")
    if named:
        return Path(named)
    pointer = ROOT / ".meridian"
    if pointer.is_file():
        return Path(pointer.read_text().strip()) / "stack.env"
    return None


def _load(path: Path) -> None:
    for line in path.read_text().splitlines():
        name, found, value = line.strip().partition("=")
        if found and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("'\""))


def optional(name: str, default: str = "") -> str:
    """The value of a setting that may be absent or empty."""
    return os.environ.get(name) or default


def required(name: str) -> str:
    """The value of a setting that Meridian cannot start without."""
    value = os.environ.get(name)
    if not value:
        _stop(name)
    return value


def belonging(name: str, other: str) -> str:
    """The value of a setting that Meridian cannot start without once `other` is set; else it may be absent."""
    return required(name) if optional(other) else optional(name)


def flag(name: str, default: bool = False) -> bool:
    """True for 1, true, yes and on, in any case."""
    value = os.environ.get(name)
    return default if value is None else value.lower() in ("1", "true", "yes", "on")


def many(name: str, default: str = "") -> list[str]:
    """A comma separated list without empty entries."""
    return [part.strip() for part in optional(name, default).split(",") if part.strip()]


def days(name: str, default: str) -> list[int]:
    """As many whole numbers as the default has, none less than the one before. Meridian cannot start with others."""
    given = many(name, default)
    found = [int(day) for day in given if day.isdecimal()]
    if len(found) != len(given) or len(found) != len(default.split(",")) or found != sorted(found):
        _end(f"{name} is {optional(name)}. It is {HELP[name]}, such as {default}. Set it so, or leave it out.")
    return found


def _stop(name: str) -> NoReturn:
    what = HELP.get(name, "a required setting")
    where = "Set it in the environment or in .env (see .env.example), or start ./script/up and wait until it says where to go."
    _end(f"{name} is not set. It is {what}. {where}")


def _end(sentence: str) -> NoReturn:
    print(f"Meridian cannot start: {sentence}", file=sys.stderr)
    raise MissingSetting(78)
