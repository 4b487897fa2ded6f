"""Rotation: after it the new key alone opens everything, for every tenant, and each tenant's values are its own."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django_tenants.utils import schema_context

from apps.compass.models import ProviderCredential, ToolSecret
from apps.compass.services import credential_set, secret_set
from apps.core.fields import WrongKey, decrypt, encrypt
from apps.core.rotation import encrypted_fields

pytestmark = pytest.mark.django_db


def fill() -> None:
    for schema in ("acme", "globex"):
        with schema_context(schema):
            secret_set(name="SHOP", value=f"value-of-{schema}")
            credential_set(provider="openai", api_key=f"key-of-{schema}")


def test_every_value_is_written_anew(acme: Any, globex: Any, settings: Any) -> None:
    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    fill()
    settings.FIELD_KEYS = [new, old]
    out = StringIO()
    call_command("field_keys_rotate", stdout=out)
    assert "acme: 2 values" in out.getvalue() and "globex: 2 values" in out.getvalue()
    settings.FIELD_KEYS = [new]
    for schema in ("acme", "globex"):
        with schema_context(schema):
            assert ToolSecret.objects.get().value == f"value-of-{schema}"
            assert ProviderCredential.objects.get().secret["api_key"] == f"key-of-{schema}"
    settings.FIELD_KEYS = [old]
    with schema_context("acme"), pytest.raises(WrongKey):
        ToolSecret.objects.get()


def test_without_the_old_key_it_says_so_and_changes_nothing(acme: Any, settings: Any) -> None:
    old = settings.FIELD_KEYS
    fill()
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="Put the old key back"):
        call_command("field_keys_rotate")
    settings.FIELD_KEYS = old
    with schema_context("acme"):
        assert ToolSecret.objects.get().value == "value-of-acme"


def test_a_value_of_one_tenant_does_not_open_in_another(acme: Any) -> None:
    with schema_context("acme"):
        token = encrypt("hello")
    with schema_context("globex"), pytest.raises(WrongKey):
        decrypt(token)


def test_all_encrypted_fields_are_known() -> None:
    names = {f"{model._meta.label}.{field.name}" for model, field in encrypted_fields()}
    assert {"compass.ProviderCredential.secret", "compass.ToolSecret.value", "whatsapp.AgentPhoneMapping.access_token"} <= names
