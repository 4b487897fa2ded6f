"""Statements that Postgres keeps: parsed and planned once for each connection, and not again with every message."""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

Given = Sequence[Any] | Mapping[str, Any]


class prepared:  # in lower case, like the functions of contextlib; no generator, because each message comes here a hundred times
    """A cursor on which `sql` was executed. Postgres itself puts the values in, so each must have a type that it can tell.

    Django puts them into the text instead (its `cursor()`), which has every statement parsed and planned anew. Where the search
    path is another tenant's, Postgres plans the statement anew by itself.
    """

    __slots__ = ("_cursor", "_errors", "_given", "_sql")

    def __init__(self, sql: str, given: Given) -> None:
        self._sql, self._given = sql, given

    def __enter__(self) -> "psycopg.Cursor[Any]":
        wrapped: Any = connections[DEFAULT_DB_ALIAS]
        wrapped.ready()
        self._errors = wrapped.wrap_database_errors
        with self._errors:
            self._cursor = psycopg.Cursor(wrapped.connection)
            began = perf_counter()
            try:
                self._cursor.execute(self._sql, self._given, prepare=True)
            finally:
                if wrapped.queries_logged:
                    wrapped.queries_log.append({"sql": self._sql, "time": f"{perf_counter() - began:.3f}"})
        return self._cursor

    def __exit__(self, *error: Any) -> None:
        self._cursor.close()
        self._errors.__exit__(*error)
