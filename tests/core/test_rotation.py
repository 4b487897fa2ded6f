"""Rotation: after it the new key alone opens everything, for every tenant, and each tenant's values are its own."""

import ast
import uuid
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django_tenants.utils import schema_context

from apps.compass.models import ProviderCredential, ToolSecret
from apps.compass.services import credential_set, secret_set
from apps.core.fields import WrongKey, decrypt, encrypt
from apps.core.idempotency import IdempotentAnswer
from apps.core.rotation import encrypted_fields, fields_rotate
from apps.tenants.models import Tenant, User
from apps.tenants.models_sso import SingleSignOn

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


@pytest.fixture
def new_key(settings: Any) -> Iterator[str]:
    """In front of the suite's own. What the test writes is undone: its rows point nowhere."""
    key = Fernet.generate_key().decode()
    with transaction.atomic():
        yield key
        transaction.set_rollback(True)


@pytest.mark.parametrize(("model", "field"), encrypted_fields(), ids=str)
def test_each_encrypted_field_is_rotated(
    acme: Tenant, settings: Any, new_key: str, model: type[models.Model], field: models.Field
) -> None:
    """Every field of an encrypted kind that any model has, also one that is added later."""
    old = settings.FIELD_KEYS[0]
    with schema_context("acme"):
        [row] = model._default_manager.bulk_create([model(**anything(model, field))])
        before = raw(row, field)
    assert before.startswith("gAAAA")
    settings.FIELD_KEYS = [new_key, old]
    fields_rotate()
    settings.FIELD_KEYS = [new_key]
    with schema_context("acme"):
        after = raw(row, field)
        assert after != before and decrypt(after)


def anything(model: type[models.Model], field: models.Field) -> dict[str, Any]:
    """Values for what a row of this model must have."""
    kinds: list[tuple[type[models.Field], Any]] = [
        (models.ForeignKey, uuid.uuid4()),
        (models.JSONField, {}),
        (models.UUIDField, uuid.uuid4()),
        (models.IntegerField, 1),
        (models.TextField, "x"),
        (models.CharField, "x"),
    ]
    given: dict[str, Any] = {field.attname: {"api_key": "k"} if "JSON" in type(field).__name__ else "canary"}
    if model is IdempotentAnswer:
        given["owner"] = "acme:user:1"
    for other in model._meta.concrete_fields:
        if not (other.attname in given or other.null or other.has_default()):
            given[other.attname] = next((value for kind, value in kinds if isinstance(other, kind)), None)
    return given


def raw(row: models.Model, field: models.Field) -> str:
    meta = row._meta
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{field.column}" FROM "{meta.db_table}" WHERE "{meta.pk.column}" = %s', [row.pk])
        return str(cursor.fetchone()[0])


def test_what_is_kept_for_people_and_companies_is_rotated(acme: Tenant, alice: User, settings: Any) -> None:
    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    codes = RecoveryCodes.activate(alice).generate_codes()
    sso = SingleSignOn(tenant=acme, label="Acme", issuer="https://id.acme.test", client_id="meridian")
    sso.secret_put("the-secret")
    sso.save()
    settings.FIELD_KEYS = [new, old]
    done = fields_rotate()
    assert (done["acme"], done["public"]) == (1, 2)
    settings.FIELD_KEYS = [new]
    kept = {row.type: row for row in Authenticator.objects.filter(user=alice)}
    assert decrypt(kept["totp"].data["secret"], schema="public") == secret
    assert RecoveryCodes(kept["recovery_codes"]).generate_codes() == codes
    assert SingleSignOn.objects.get().secret_read() == "the-secret"


def test_whoever_encrypts_by_hand_is_rotated_by_hand() -> None:
    """A file that calls `encrypt` itself is outside the fields above: add its rotation (rotation_register), a test, its name."""
    apps = Path(__file__).parents[2] / "apps"
    found = {str(path.relative_to(apps)) for path in apps.rglob("*.py") if _encrypts(path)}
    known = {"core/fields.py", "core/rotation.py"}
    assert found - known == {"tenants/adapters.py", "tenants/factors.py", "tenants/models_sso.py"}


def _encrypts(path: Path) -> bool:
    tree = ast.parse(path.read_text())
    names = (alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names)
    return "encrypt" in names or any(isinstance(node, ast.FunctionDef) and node.name == "encrypt" for node in ast.walk(tree))
