"""One page of a long list, found by where the last one ended: the thousandth page is as quick as the first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, F, Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)
Key = tuple[Any, UUID]


@dataclass(frozen=True)
class KeysetPage(Generic[Row]):
    """`before` and `after` are marks for the pages on either side, empty at the ends."""

    rows: list[Row]
    before: str = ""
    after: str = ""


def keyset_page(
    rows: "QuerySet[Row]", column: str, *, descending: bool, before: str = "", after: str = "", size: int
) -> KeysetPage[Row]:
    """A page of `rows` by a column of moments or decimals and, where that is equal, by id.

    A mark that cannot be read, or is of another order, shows the first page.
    """
    key = _read(before or after, rows.model._meta.get_field(column))
    backwards = bool(before and key)
    falling = descending != backwards
    found = rows.filter(_beyond(column, key, falling)) if key else rows
    order = (F(column).desc(), F("id").desc()) if falling else (F(column).asc(), F("id").asc())
    ids = list(found.order_by(*order).values_list("pk", flat=True)[: size + 1])  # an index tells these without the wide rows
    more, ids = len(ids) > size, ids[:size]
    full = rows.in_bulk(ids)
    got = [full[pk] for pk in ids]
    if backwards:
        got.reverse()
    return KeysetPage(
        got,
        before=_mark(got, 0, column) if (more if backwards else key) and got else "",
        after=_mark(got, -1, column) if (more or backwards) and got else "",
    )


def _beyond(column: str, key: Key, falling: bool) -> Q:
    way = "lt" if falling else "gt"
    value, pk = key
    return Q(**{f"{column}__{way}e": value}) & (Q(**{f"{column}__{way}": value}) | Q(**{f"id__{way}": pk}))


def _mark(rows: Sequence[Any], place: int, column: str) -> str:
    value = getattr(rows[place], column)
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return urlsafe_b64encode(f"{text}~{rows[place].pk}".encode()).decode().rstrip("=")


def _read(mark: str, field: Any) -> Key | None:
    try:
        text, _, pk = urlsafe_b64decode(mark + "=" * (-len(mark) % 4)).decode().partition("~")
        return _moment(text) if isinstance(field, DateTimeField) else field.clean(text, None), UUID(pk)
    except (Error, ValueError, ValidationError):
        return None


def _moment(text: str) -> datetime:
    """Raises ValueError for one without a time zone as well."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
