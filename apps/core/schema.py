"""The schema that the current connection works in; django-tenants adds it to Django's connection at run time."""

from collections.abc import Iterator, Sequence
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
