"""Rows written and read by statements that are put together once: what every message of every tenant goes through."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models

from apps.core.prepared import prepared

Row = TypeVar("Row", bound=models.Model)


def row_insert(row: models.Model) -> bool:
    """Inserts a row whose key is made here or by the database; false where a unique value of it is there already.

    It takes no savepoint, asks nothing before or afterwards, and sends no signals.
    """
    sql, fields = _insert(type(row))
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    with prepared(sql, values) as cursor:
        row._state.adding = False
        return cursor.rowcount == 1


@cache
def _insert(model: type[models.Model]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING', fields  # noqa: S608


def row_update(row: models.Model, *names: str) -> None:
    """Writes these fields of a row that is there already; as `save(update_fields=…)`, without signals."""
    sql, fields = _update(type(row), names)
    with prepared(sql, [*(field.get_db_prep_save(field.pre_save(row, False), connection) for field in fields), row.pk]):
        pass


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    fields: tuple[Any, ...] = tuple(model._meta.get_field(name) for name in names)
    sets = ", ".join(f'"{field.column}" = %s' for field in fields)
    key: Any = model._meta.pk
    return f'UPDATE "{model._meta.db_table}" SET {sets} WHERE "{key.column}" = %s', fields  # noqa: S608


def row_read(model: type[Row], rest: str, given: list[Any]) -> Row | None:
    """The first row of `SELECT (the model's columns) FROM (its table) AS mine` and `rest`, or None.

    The same as a queryset's `first()`, without the time that Django takes to put such a statement together each time.
    """
    with prepared(f"{_select(model)} {rest}", given) as cursor:
        values = cursor.fetchone()
    return None if values is None else row_made(model, values)


def row_made(model: type[Row], values: Sequence[Any]) -> Row:
    """An instance from what a statement gave for the model's columns, in their order (see row_columns)."""
    names, converters = _shape(model)
    plain = list(values)
    for place, expression, convert in converters:
        plain[place] = convert(plain[place], expression, connection)
    return model.from_db(connection.alias, names, plain)


def rows_made(values: Sequence[Any], model: type[Row], *joined: type[models.Model]) -> tuple[Row, *tuple[Any, ...]]:
    """An instance of each model, from what a statement gave for the columns of one after the other; more values may follow."""
    others, place = list[Any](), len(model._meta.concrete_fields)
    first = row_made(model, values[:place])
    for other in joined:
        end = place + len(other._meta.concrete_fields)
        others.append(row_made(other, values[place:end]))
        place = end
    return first, *others


@cache
def row_columns(model: type[models.Model], table: str = "mine") -> str:
    """The model's columns for a SELECT from `table`."""
    return ", ".join(f'{table}."{field.column}"' for field in model._meta.concrete_fields)


@cache
def _select(model: type[models.Model]) -> str:
    return f'SELECT {row_columns(model)} FROM "{model._meta.db_table}" AS mine'  # noqa: S608


@cache
def _shape(model: type[models.Model]) -> tuple[list[str], list[tuple[int, Any, Any]]]:
    fields = model._meta.concrete_fields
    found = []
    for place, field in enumerate(fields):
        column = field.cached_col
        for convert in [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]:
            found.append((place, column, convert))
    return [field.attname for field in fields], found
