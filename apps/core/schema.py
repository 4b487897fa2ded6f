"""The schema that the current connection works in; django-tenants adds it to Django's connection at run time."""

from typing import Any, cast

from django.db import connection


def schema_current() -> str:
    """The tenant's schema name, or `public`."""
    return str(cast(Any, connection).schema_name)


def schema_leave() -> None:
    """Goes back to the public schema; already there, it spares the next query a SET search_path."""
    if schema_current() != "public":
        cast(Any, connection).set_schema_to_public()
