"""Statements that Postgres keeps: parsed and planned once for each connection, and not again with every message."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import psycopg
from django.db import connection

Given = Sequence[Any] | Mapping[str, Any]


@contextmanager
def prepared(sql: str, given: Given) -> Iterator["psycopg.Cursor[Any]"]:
    """A cursor on which `sql` was executed. Postgres itself puts the values in, so each must have a type that it can tell.

    Django puts them into the text instead (its `cursor()`), which has every statement parsed and planned anew. Where the search
    path is another tenant's, Postgres plans the statement anew by itself.
    """
    with connection.cursor():  # connects, and has the tenant's search path set
        wrapped: Any = connection
        with wrapped.wrap_database_errors, psycopg.Cursor(wrapped.connection) as cursor:
            began = perf_counter()
            try:
                cursor.execute(sql, given, prepare=True)
            finally:
                if connection.queries_logged:
                    connection.queries_log.append({"sql": sql, "time": f"{perf_counter() - began:.3f}"})
            yield cursor
