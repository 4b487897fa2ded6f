"""The schema that the current connection works in; django-tenants adds it to Django's connection at run time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from django.db import connection

SCHEMAS_A_QUERY = 200  # that one statement names


def schema_current() -> str:
    """The tenant's schema name, or `public`."""
    return str(cast(Any, connection).schema_name)


def schema_leave() -> None:
    """Goes back to the public schema."""
    schema_enter("public")


def schema_enter(name: str) -> None:
    """Goes into a schema and stays there, for loops that restore it at their end (`schema_context` restores it each time)."""
    if schema_current() != name:
        cast(Any, connection).set_schema(name)


def schema_parts(schemas: Sequence[str]) -> Iterator[Sequence[str]]:
    """The schemas of many tenants in parts that one statement can name."""
    for start in range(0, len(schemas), SCHEMAS_A_QUERY):
        yield schemas[start : start + SCHEMAS_A_QUERY]


def schemas_where(schemas: Sequence[str], test: Callable[[str], str], values: Sequence[Any] = ()) -> list[str]:
    """Which of these tenants a test holds for: one statement for many, since entering each would take longer than the work.

    `test` makes an SQL condition from a schema's quoted name, with a %s for each of `values`.
    """
    found: list[str] = []
    for part in schema_parts(schemas):
        selects = [f"SELECT %s WHERE {test(connection.ops.quote_name(schema))}" for schema in part]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(selects), [value for schema in part for value in (schema, *values)])
            found += [row[0] for row in cursor.fetchall()]
    return found
