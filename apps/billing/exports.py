"""Entries, lines and invoices as CSV or Parquet, row by row: a million rows take no more memory than a thousand.

A cell that a spreadsheet would read as a formula gets an apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection).
Amounts are decimals with 6 places, times are UTC, durations are in seconds.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.db import transaction
from django.db.models import QuerySet

from apps.billing.models import Invoice, InvoiceLine, LedgerEntry
from apps.billing.periods import Period
from apps.tenants.models import Tenant

CSV, PARQUET = "csv", "parquet"
TYPES = {CSV: "text/csv; charset=utf-8", PARQUET: "application/vnd.apache.parquet"}
FETCHED = 5_000  # rows of one answer of the database, and of one chunk of a CSV file
GROUP = 20_000  # rows of one group of a Parquet file
FORMULA = ("=", "+", "-", "@", "\t", "\r")
TEXT, TIME, DAY, MONEY, COUNT = "text", "time", "day", "money", "count"
ARROW = {
    TEXT: pa.string(),
    TIME: pa.timestamp("us", tz="UTC"),
    DAY: pa.date32(),
    MONEY: pa.decimal128(18, 6),
    COUNT: pa.int64(),
}


@dataclass(frozen=True)
class Column:
    """`path` is how the query finds it; `kind` is text, time, day, money or count."""

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
        *_of(TEXT, "id", "source_type", "source_id"),
        *_of(COUNT, "revision"),
        *_of(TEXT, "call_id", "conversation_id", "agent_id", "channel"),
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
        *_of(TEXT, "id"),
        Column("invoice", "invoice__number"),
        Column("month", "invoice__month", DAY),
        Column("state", "invoice__state"),
        *_of(COUNT, "position"),
        *_of(TEXT, "kind", "description", "source_type", "agent_id", "channel"),
        *_of(MONEY, "quantity"),
        *_of(TEXT, "unit"),
        *_of(COUNT, "entries"),
        *_of(MONEY, "exact", "amount"),
        Column("currency", "invoice__currency"),
    ),
)
INVOICES = Sheet(
    "invoices",
    (
        *_of(TEXT, "id", "number"),
        *_of(DAY, "month"),
        *_of(TIME, "period_start", "period_end"),
        *_of(TEXT, "state", "currency"),
        *_of(MONEY, "subtotal", "credits", "tax", "total", "paid", "credited"),
        *_of(TIME, "due_at", "finalized_at", "paid_at", "voided_at"),
        *_of(TEXT, "stripe_number"),
    ),
)
SHEETS = {sheet.name: sheet for sheet in (ENTRIES, LINES, INVOICES)}


def rows_of(sheet: Sheet, tenant: Tenant, period: Period) -> "QuerySet[Any, tuple[Any, ...]]":
    """What an export holds: entries by when they happened, lines and invoices of the months that begin in the period."""
    paths = [column.path for column in sheet.columns]
    if sheet is ENTRIES:
        entries = LedgerEntry.objects.filter(tenant=tenant, started_at__gte=period.starts, started_at__lt=period.ends)
        return entries.order_by("started_at", "id").values_list(*paths)
    since = period.since.replace(day=1)
    if sheet is LINES:
        lines = InvoiceLine.objects.filter(invoice__tenant=tenant, invoice__month__range=(since, period.until))
        return lines.order_by("invoice__month", "invoice__created_at", "position").values_list(*paths)
    invoices = Invoice.objects.filter(tenant=tenant, month__range=(since, period.until))
    return invoices.order_by("month", "created_at").values_list(*paths)


def export_name(sheet: Sheet, tenant: Tenant, period: Period, shape: str) -> str:
    """Such as acme-entries-2026-11-01_2026-11-28.csv."""
    return f"{tenant.schema_name}-{sheet.name}-{period.slug}.{shape}"


def export_stream(sheet: Sheet, tenant: Tenant, period: Period, shape: str) -> Iterator[bytes]:
    """The file, piece by piece, read through one cursor of the database while it is sent."""
    with transaction.atomic():  # a cursor that lives in a transaction is not copied first
        rows = rows_of(sheet, tenant, period).iterator(chunk_size=FETCHED)
        yield from _parquet(sheet, rows) if shape == PARQUET else _csv(sheet, rows)


def safe(cell: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


class _Pieces:
    """A file to write to, whose content is taken away piece by piece."""

    def __init__(self) -> None:
        self.held: list[bytes] = []
        self.closed = False

    def write(self, piece: bytes | str) -> int:
        self.held.append(piece.encode() if isinstance(piece, str) else bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken, self.held = b"".join(self.held), []
        return taken


def _csv(sheet: Sheet, rows: Iterator[tuple[Any, ...]]) -> Iterator[bytes]:
    pieces = _Pieces()
    writer = csv.writer(pieces)
    writer.writerow([column.name for column in sheet.columns])
    kinds = [column.kind for column in sheet.columns]
    while chunk := list(islice(rows, FETCHED)):
        writer.writerows([_cell(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in chunk)
        yield pieces.take()
    yield pieces.take()


def _cell(value: Any, kind: str) -> Any:
    if value is None:
        return ""
    if kind == TEXT:
        return safe(_text(value))
    return _moment(value) if kind == TIME else value


def _parquet(sheet: Sheet, rows: Iterator[tuple[Any, ...]]) -> Iterator[bytes]:
    pieces = _Pieces()
    with pq.ParquetWriter(pa.PythonFile(pieces, mode="w"), sheet.schema, compression="zstd") as writer:
        while chunk := list(islice(rows, GROUP)):
            writer.write_table(_table(sheet, chunk))
            yield pieces.take()
    yield pieces.take()


def _table(sheet: Sheet, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    arrays = []
    for column, values in zip(sheet.columns, zip(*rows, strict=True), strict=True):
        cells = [None if value is None else _text(value) for value in values] if column.kind == TEXT else values
        arrays.append(pa.array(cells, ARROW[column.kind]))
    return pa.Table.from_arrays(arrays, schema=sheet.schema)


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
