"""Schemas: every new tenant's is a copy of the base schema, which migrate_schemas keeps up to date before all others."""

from functools import cache
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import QuerySet
from django_tenants.migration_executors import get_executor
from django_tenants.migration_executors.base import MigrationExecutor
from django_tenants.utils import schema_exists

BASE: str = settings.TENANT_BASE_SCHEMA
TABLES = """
SELECT format('CREATE TABLE %%I.%%I (LIKE %%I.%%I INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY INCLUDING STORAGE)',
              %(copy)s::text, tablename, %(base)s::text, tablename)
FROM pg_tables WHERE schemaname = %(base)s ORDER BY tablename
"""
CONSTRAINTS = """
SELECT format('ALTER TABLE %%I.%%I ADD CONSTRAINT %%I %%s', %(copy)s::text, relname, conname, pg_get_constraintdef(c.oid))
FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid
WHERE connamespace = %(base)s::regnamespace AND contype IN ('p', 'u', 'x', 'c', 'f') ORDER BY contype = 'f', relname, conname
"""
INDEXES = """
SELECT replace(pg_get_indexdef(indexrelid), format(' ON %%I.', %(base)s::text), format(' ON %%I.', %(copy)s::text))
FROM pg_index JOIN pg_class t ON t.oid = indexrelid
WHERE relnamespace = %(base)s::regnamespace
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
ORDER BY relname
"""
EXTRAS = """
SELECT (SELECT count(*) FROM pg_trigger g JOIN pg_class t ON t.oid = tgrelid
        WHERE NOT tgisinternal AND relnamespace = %(base)s::regnamespace)
     + (SELECT count(*) FROM pg_proc WHERE pronamespace = %(base)s::regnamespace)
     + (SELECT count(*) FROM pg_class WHERE relnamespace = %(base)s::regnamespace AND relkind IN ('v', 'm'))
"""
SELECTIVE = ("app_label", "migration_name", "fake", "fake_initial", "plan", "prune", "check_unapplied", "run_syncdb")


def schema_create(name: str) -> bool:
    """Makes a tenant's schema and returns whether it had to be made.

    The copy carries the base schema's list of migrations. A base schema that is behind this code is not copied: the new schema is
    then migrated from nothing, which takes longer and is right.
    """
    if schema_exists(name):
        return False
    if schema_exists(BASE) and schema_is_current(BASE) and not _has_extras():
        _clone(name)
    else:
        _make_empty(name)
        call_command("migrate_schemas", tenant=True, schema_name=name, interactive=False, verbosity=0)
    connection.set_schema_to_public()  # type: ignore[attr-defined]
    return True


def schema_drop(name: str) -> None:
    """Drops a tenant's schema with everything in it. There is no way back."""
    if name in ("public", BASE):
        raise ValueError(f"{name} is no tenant's schema.")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what this transaction has still to check would hold the tables
        cursor.execute(f"DROP SCHEMA IF EXISTS {connection.ops.quote_name(name)} CASCADE")


def schema_is_current(name: str) -> bool:
    """Whether every migration of this code has been applied to a schema."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f"{name}.django_migrations"])
        if cursor.fetchone() == (None,):
            return False
        cursor.execute(f"SELECT app, name FROM {connection.ops.quote_name(name)}.django_migrations")  # noqa: S608
        return _migrations() <= set(cursor.fetchall())


def _has_extras() -> bool:
    """Whether the base schema holds what the copy would lack: triggers, functions or views."""
    with connection.cursor() as cursor:
        cursor.execute(EXTRAS, {"base": BASE})
        return bool(cursor.fetchone()[0])


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations or {})


def _make_empty(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {connection.ops.quote_name(name)}")


def _clone(name: str) -> None:
    """Statement by statement from Postgres's own catalogue: tables with every column's exact type, constraints, indexes by name.

    django-tenants' clone_schema drops what stands in a type's brackets, such as a vector's dimensions.
    """
    quoted = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path')")
        before = cursor.fetchone()[0]
        cursor.execute(f"SET LOCAL search_path = {quoted(BASE)}, public")  # what is in them is then written without a schema
        statements = [f"CREATE SCHEMA {quoted(name)}"]
        for query in (TABLES, CONSTRAINTS, INDEXES):
            cursor.execute(query, {"base": BASE, "copy": name})
            statements += [row[0] for row in cursor.fetchall()]
        cursor.execute(f"SET LOCAL search_path = {quoted(name)}, public")
        cursor.execute(";".join(statements).replace("%", "%%"))
        columns = "(app, name, applied) SELECT app, name, applied FROM"
        cursor.execute(f"INSERT INTO {quoted(name)}.django_migrations {columns} {quoted(BASE)}.django_migrations")
        cursor.execute("SELECT set_config('search_path', %s, true)", [before])


class _BaseFirst:
    """Asked for all tenants, migrates the base schema first and then those that are behind, and still have a schema."""

    options: dict[str, Any]

    def run_migrations(self, tenants: Any = None) -> None:
        if isinstance(tenants, QuerySet):
            _make_empty(BASE)
            plain = not any(self.options.get(name) for name in SELECTIVE)
            names = [BASE, *(name for name in tenants if schema_exists(name))]
            tenants = [name for name in names if not (plain and schema_is_current(name))]
        super().run_migrations(tenants)  # type: ignore[misc]


def executor(codename: str | None = None) -> type[MigrationExecutor]:
    """For GET_EXECUTOR_FUNCTION: django-tenants' executor of that name, with the base schema."""
    found = get_executor(codename)
    return type(found.__name__, (_BaseFirst, found), {})
