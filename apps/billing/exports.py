"""Entries, lines and invoices as CSV or Parquet, piece by piece: a million rows take no more memory than a thousand.

The database writes the rows (COPY, https://www.postgresql.org/docs/current/sql-copy.html), part by part, so that no statement
lasts as long as a download: one that is broken off leaves nothing running.
A cell that a spreadsheet would read as a formula gets an apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection).
Amounts are decimals with 6 places, or in an invoice's CSV with those of its currency; times are UTC, durations are in seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from django.db import connection
from django.db.models import Case, DecimalField, F, Func, Q, QuerySet, TextField, When
from django.db.models.expressions import Combinable

from apps.billing.models import Invoice, InvoiceLine, LedgerEntry
from apps.billing.periods import Period
from apps.core.currencies import NO_PLACES, THREE_PLACES
from apps.tenants.models import Tenant

CSV, PARQUET = "csv", "parquet"
TYPES = {CSV: "text/csv; charset=utf-8", PARQUET: "application/vnd.apache.parquet"}
PART = 50_000  # rows that one statement reads, and of one group of a Parquet file
PIECE = 1_000  # rows of one piece of a CSV file
ID, TEXT, TIME, DAY, MONEY, PAID, COUNT = "id", "text", "time", "day", "money", "paid", "count"
ARROW = {
    ID: pa.string(),
    TEXT: pa.string(),
    TIME: pa.timestamp("us", tz="UTC"),
    DAY: pa.date32(),
    MONEY: pa.decimal128(18, 6),
    PAID: pa.decimal128(18, 6),
    COUNT: pa.int64(),
}
STAMP = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
# What a cell of text begins with where a spreadsheet takes it for a formula.
SAFE = (
    "CASE WHEN left((%(expressions)s)::text, 1) IN ('=', '+', '-', '@', E'\\t', E'\\r')"
    " THEN '''' || (%(expressions)s)::text ELSE (%(expressions)s)::text END"
)


@dataclass(frozen=True)
class Column:
    """`path` is how the query finds it; `kind` is id, text, time, day, money, paid or count."""

    name: str
    path: str
    kind: str = TEXT


@dataclass(frozen=True)
class Sheet:
    """A kind of export."""

    name: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(column.name, ARROW[column.kind]) for column in self.columns])


def _of(kind: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, name, kind) for name in names)


PARTS = _of(MONEY, "transport", "stt", "llm", "tts", "messages", "platform")
ENTRIES = Sheet(
    "entries",
    (
        *_of(ID, "id"),
        *_of(TEXT, "source_type", "source_id"),
        *_of(COUNT, "revision"),
        *_of(ID, "call_id", "conversation_id", "agent_id"),
        *_of(TEXT, "channel"),
        *_of(TIME, "started_at", "ended_at"),
        *_of(MONEY, "duration"),
        *PARTS,
        *_of(MONEY, "total", "total_known"),
        *_of(TEXT, "currency", "unpriced"),
        Column("price_book", "price_book__version", COUNT),
        Column("invoice", "invoiced__invoice__number"),
        *_of(TEXT, "source"),
    ),
)
LINES = Sheet(
    "lines",
    (
        *_of(ID, "id"),
        Column("invoice", "invoice__number"),
        Column("month", "invoice__month", DAY),
        Column("state", "invoice__state"),
        *_of(COUNT, "position"),
        *_of(TEXT, "kind", "description", "source_type"),
        *_of(ID, "agent_id"),
        *_of(TEXT, "channel"),
        *_of(MONEY, "quantity"),
        *_of(TEXT, "unit"),
        *_of(COUNT, "entries"),
        *_of(MONEY, "exact"),
        *_of(PAID, "amount"),
        Column("currency", "invoice__currency"),
    ),
)
INVOICES = Sheet(
    "invoices",
    (
        *_of(ID, "id"),
        *_of(TEXT, "number"),
        *_of(DAY, "month"),
        *_of(TIME, "period_start", "period_end"),
        *_of(TEXT, "state", "currency"),
        *_of(PAID, "subtotal", "credits", "tax", "total", "paid", "credited"),
        *_of(TIME, "due_at", "finalized_at", "paid_at", "voided_at"),
        *_of(TEXT, "stripe_number"),
    ),
)
SHEETS = {sheet.name: sheet for sheet in (ENTRIES, LINES, INVOICES)}


def rows_of(sheet: Sheet, tenant: Tenant, period: Period) -> "QuerySet[Any]":
    """What an export holds: entries by when they happened, lines and invoices of the months that the period touches."""
    if sheet is ENTRIES:
        entries = LedgerEntry.objects.filter(tenant=tenant, started_at__gte=period.starts, started_at__lt=period.ends)
        return entries.order_by("started_at", "id")
    since = period.since.replace(day=1)
    if sheet is LINES:
        lines = InvoiceLine.objects.filter(invoice__tenant=tenant, invoice__month__range=(since, period.until))
        return lines.order_by("invoice__month", "invoice__created_at", "position")
    return Invoice.objects.filter(tenant=tenant, month__range=(since, period.until)).order_by("month", "created_at")


def export_name(sheet: Sheet, tenant: Tenant, period: Period, shape: str) -> str:
    """Such as acme-entries-2026-11-01_2026-11-28.csv."""
    return f"{tenant.schema_name}-{sheet.name}-{period.slug}.{shape}"


def export_stream(sheet: Sheet, tenant: Tenant, period: Period, shape: str) -> Iterator[bytes]:
    """The file, piece by piece, read while it is sent. Entries that are written meanwhile may be in it or not."""
    rows = rows_of(sheet, tenant, period)
    parts = parts_of(rows, PART) if sheet is ENTRIES else iter([rows])
    return _parquet(sheet, parts) if shape == PARQUET else _csv(sheet, parts)


def parts_of(rows: "QuerySet[Any]", size: int) -> "Iterator[QuerySet[Any]]":
    """Entries in parts of `size` rows, each found by where the last one ended, which an index tells without the rows."""
    while True:
        last = rows.values_list("started_at", "id")[size - 1 : size].first()
        yield rows.filter(_until(*last)) if last else rows
        if last is None:
            return
        rows = rows.filter(_after(*last))


def _until(moment: datetime, pk: UUID) -> Q:
    return Q(started_at__lte=moment) & (Q(started_at__lt=moment) | Q(id__lte=pk))


def _after(moment: datetime, pk: UUID) -> Q:
    return Q(started_at__gte=moment) & (Q(started_at__gt=moment) | Q(id__gt=pk))


def _csv(sheet: Sheet, parts: "Iterator[QuerySet[Any]]") -> Iterator[bytes]:
    cells = [_cell(sheet, column) for column in sheet.columns]
    yield (",".join(column.name for column in sheet.columns) + "\n").encode()
    for part in parts:
        rows = _copied(part.values_list(*cells))
        while piece := b"".join(islice(rows, PIECE)):
            yield piece


def _cell(sheet: Sheet, column: Column) -> Combinable:
    """As a spreadsheet reads it."""
    if column.kind == PAID:
        return Func(F(column.path), _places(sheet), function="ROUND", output_field=DecimalField())
    template = {TEXT: SAFE, TIME: STAMP}.get(column.kind)
    return Func(F(column.path), template=template, output_field=TextField()) if template else F(column.path)


def _places(sheet: Sheet) -> Case:
    """Of the row's currency."""
    path = next(column.path for column in sheet.columns if column.name == "currency")
    whens = [When(**{f"{path}__in": sorted(codes)}, then=places) for codes, places in ((NO_PLACES, 0), (THREE_PLACES, 3))]
    return Case(*whens, default=2)


def _copied(rows: "QuerySet[Any, tuple[Any, ...]]") -> "Iterator[bytes | memoryview]":
    """Each row as one line of CSV, as the database writes it: nothing for null, two quotes for an empty text."""
    sql, values = rows.query.sql_with_params()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", values) as copy:
        yield from copy


class _Pieces:
    """A file to write to, whose content is taken away piece by piece."""

    def __init__(self) -> None:
        self.held: list[bytes] = []
        self.closed = False

    def write(self, piece: bytes) -> int:
        self.held.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken, self.held = b"".join(self.held), []
        return taken


def _parquet(sheet: Sheet, parts: "Iterator[QuerySet[Any]]") -> Iterator[bytes]:
    pieces = _Pieces()
    with pq.ParquetWriter(pa.PythonFile(pieces, mode="w"), sheet.schema, compression="zstd") as writer:
        for part in parts:
            text = b"".join(_copied(part.values_list(*(F(column.path) for column in sheet.columns))))
            if text:
                writer.write_table(_table(sheet, text))
                yield pieces.take()
    yield pieces.take()


def _table(sheet: Sheet, text: bytes) -> pa.Table:
    """Rows as the database wrote them, with their types."""
    return pc.read_csv(
        pa.BufferReader(text),
        pc.ReadOptions(column_names=sheet.schema.names, use_threads=False),
        pc.ParseOptions(newlines_in_values=True),
        pc.ConvertOptions(
            column_types=sheet.schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
