"""Rows written in one statement that is made once: what every message of every tenant goes through."""

from functools import cache
from typing import Any

from django.db import connection, models


def row_insert(row: models.Model) -> bool:
    """Inserts a row whose key is made here or by the database; false where a unique value of it is there already.

    It takes no savepoint, asks nothing before or afterwards, and sends no signals.
    """
    sql, fields = _insert(type(row))
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row._state.adding = False
        return cursor.rowcount == 1


@cache
def _insert(model: type[models.Model]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING', fields  # noqa: S608
