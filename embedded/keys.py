"""The stack's own secrets: made at the first start, kept in `<data_dir>/secrets.env`."""

import base64
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException, b64urlencode  # type: ignore[import-untyped]

from embedded.envfile import env_read, env_write
from embedded.errors import StackError


def _token() -> str:
    return secrets.token_urlsafe(36)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _vapid_private() -> str:
    """A key for Web Push (RFC 8292) as pywebpush takes it: the number itself, in URL-safe base64."""
    vapid = Vapid02()
    vapid.generate_keys()
    return str(b64urlencode(vapid.private_key.private_numbers().private_value.to_bytes(32, "big")))


def vapid_public(private: str) -> str:
    """Return what browsers subscribe with: the public point that belongs to a private key, in URL-safe base64.

    Raises StackError when the private key is none.
    """
    try:
        key = Vapid02.from_string(private).public_key
    except (ValueError, VapidException) as error:
        raise StackError("WEBPUSH_PRIVATE_KEY is no VAPID key; leave it out and ./script/up makes one.") from error
    return str(b64urlencode(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)))


MAKERS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(64),
    "FIELD_KEYS": _fernet_key,
    "POSTGRES_PASSWORD": _token,
    "VALKEY_PASSWORD": _token,
    "LIVEKIT_API_KEY": lambda: f"API{secrets.token_hex(6)}",
    "LIVEKIT_API_SECRET": _token,
    "WHATSAPP_APP_SECRET": lambda: secrets.token_hex(16),
    "WHATSAPP_VERIFY_TOKEN": _token,
    "WHATSAPP_ACCESS_TOKEN": lambda: f"EAA{secrets.token_urlsafe(48)}",
    "WEBPUSH_PRIVATE_KEY": _vapid_private,
}


def keys_ensure(data_dir: Path) -> dict[str, str]:
    """Return every secret; those that are missing are made and kept, the others never change."""
    path = data_dir / "secrets.env"
    known = env_read(path)
    missing = {name: make() for name, make in MAKERS.items() if not known.get(name)}
    if missing:
        env_write(path, known | missing)
    return known | missing
