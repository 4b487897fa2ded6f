"""The stack's own secrets: made at the first start, kept in `<data_dir>/secrets.env`."""

import base64
import secrets
from collections.abc import Callable
from pathlib import Path

from embedded.envfile import env_read, env_write


def _token() -> str:
    return secrets.token_urlsafe(36)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


MAKERS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(64),
    "FIELD_KEYS": _fernet_key,
    "POSTGRES_PASSWORD": _token,
    "VALKEY_PASSWORD": _token,
    "LIVEKIT_API_KEY": lambda: f"API{secrets.token_hex(6)}",
    "LIVEKIT_API_SECRET": _token,
}


def keys_ensure(data_dir: Path) -> dict[str, str]:
    """Return every secret; those that are missing are made and kept, the others never change."""
    path = data_dir / "secrets.env"
    known = env_read(path)
    missing = {name: make() for name, make in MAKERS.items() if not known.get(name)}
    if missing:
        env_write(path, known | missing)
    return known | missing
