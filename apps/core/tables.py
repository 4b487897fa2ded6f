"""What templates/components/table.html shows: columns that can be sorted by an address, and totals below them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import QueryDict

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Column:
    """A column; one with a `key` can be sorted by it."""

    label: "str | _StrPromise"
    key: str = ""
    numeric: bool = False


@dataclass(frozen=True)
class Heading:
    """A column as it is shown now: where its sort link goes, and which way it is sorted."""

    label: "str | _StrPromise"
    numeric: bool
    href: str = ""
    direction: str = ""


@dataclass(frozen=True)
class Total:
    """A cell of the totals row; `label` names it where rows are stacked."""

    text: "str | _StrPromise" = ""
    label: "str | _StrPromise" = ""
    numeric: bool = False


def headings(columns: Sequence[Column], *, sort: str, query: QueryDict) -> list[Heading]:
    """`sort` is a key, with a leading minus when descending. Sorting again by the same column turns it round."""
    return [_heading(column, sort, query) for column in columns]


def _heading(column: Column, sort: str, query: QueryDict) -> Heading:
    if not column.key:
        return Heading(column.label, column.numeric)
    direction = {column.key: "ascending", f"-{column.key}": "descending"}.get(sort, "")
    turned = column.key if direction == "descending" else f"-{column.key}"
    address = query.copy()
    address.pop("page", None)
    address["sort"] = turned
    return Heading(column.label, column.numeric, f"?{address.urlencode()}", direction)
