"""Re-encrypting what is stored, after a new key was put in front of FIELD_KEYS."""

from collections.abc import Callable, Iterator

from django.apps import apps
from django.db import connection, models, transaction
from django_tenants.utils import get_public_schema_name, get_tenant_model, schema_context

from apps.core.fields import EncryptedJSONField, EncryptedTextField, decrypt, encrypt
from apps.core.idempotency import answers_rotate

BATCH = 500
_more: list[Callable[[str], int]] = []


def rotation_register(rotate: Callable[[str], int]) -> None:
    """For what lies in a shared table: `rotate` gets the schema that values are encrypted for, each tenant's and then
    public, and returns how many it wrote.
    """
    _more.append(rotate)


def encrypted_fields() -> Iterator[tuple[type[models.Model], models.Field]]:
    """Every encrypted field of every installed model."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, (EncryptedTextField, EncryptedJSONField)):
                yield model, field


def fields_rotate() -> dict[str, int]:
    """Writes every encrypted value anew with the first key, tenants' first; returns how many by schema. Raises WrongKey."""
    schemas = get_tenant_model().objects.order_by("schema_name").values_list("schema_name", flat=True)
    return {schema: schema_rotate(schema) for schema in [*schemas, get_public_schema_name()]}


def schema_rotate(schema: str) -> int:
    """The same for one tenant."""
    with schema_context(schema):
        own = sum(_field_rotate(model, field) for model, field in encrypted_fields() if _here(model, schema))
        return own + answers_rotate(schema) + sum(rotate(schema) for rotate in _more)


def _here(model: type[models.Model], schema: str) -> bool:
    """Shared tables are not the tenant's; each of them rotates what it holds for a tenant by itself."""
    if schema == get_public_schema_name():
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f'"{schema}"."{model._meta.db_table}"'])
        return bool(cursor.fetchone()[0])


def _field_rotate(model: type[models.Model], field: models.Field) -> int:
    """A row that somebody changes meanwhile keeps their value, which is written with the new key anyway."""
    table, column, key = model._meta.db_table, field.column, model._meta.pk.column
    done = 0
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{key}", "{column}" FROM "{table}" WHERE "{column}" <> %s', [""])  # noqa: S608  names of models
        rows = cursor.fetchall()
    for start in range(0, len(rows), BATCH):
        with transaction.atomic(), connection.cursor() as cursor:
            for pk, token in rows[start : start + BATCH]:
                cursor.execute(
                    f'UPDATE "{table}" SET "{column}" = %s WHERE "{key}" = %s AND "{column}" = %s',  # noqa: S608
                    [encrypt(decrypt(token)), pk, token],
                )
                done += cursor.rowcount
    return done
