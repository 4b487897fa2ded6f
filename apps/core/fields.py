"""Encrypted model fields: Fernet with a key list of our own and a key derived per tenant."""

import base64
import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models

from apps.core.schema import schema_current


class WrongKey(Exception):
    """The stored value was written with a key that FIELD_KEYS does not hold, or for another tenant."""


@lru_cache(maxsize=4096)
def _fernet(keys: tuple[str, ...], schema: str) -> MultiFernet:
    return MultiFernet([Fernet(_derive(key, schema)) for key in keys])


def _derive(key: str, schema: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"meridian.field:" + schema.encode())
    return base64.urlsafe_b64encode(hkdf.derive(base64.urlsafe_b64decode(key)))


def encrypt(text: str, *, schema: str | None = None) -> str:
    """Encrypts for a tenant, by default the one whose schema is current, with the first of FIELD_KEYS."""
    return _fernet(tuple(settings.FIELD_KEYS), schema or schema_current()).encrypt(text.encode()).decode()


def decrypt(token: str, *, schema: str | None = None) -> str:
    """Raises WrongKey instead of ever returning ciphertext."""
    try:
        return _fernet(tuple(settings.FIELD_KEYS), schema or schema_current()).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise WrongKey("A stored secret cannot be read with FIELD_KEYS. Put the old key back at the end of the list.") from error


class EncryptedTextField(models.TextField):
    """Text that is encrypted at rest. It cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt(value) if value else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return decrypt(value) if value else value


class EncryptedJSONField(models.TextField):
    """A JSON document that is encrypted at rest."""

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt(json.dumps(value))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return json.loads(decrypt(value)) if value else None

    def to_python(self, value: Any) -> Any:
        return value
