"""A month as another price book would have charged it: the ledger is rated again and nothing is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from apps.billing.costs import rated
from apps.billing.models import KIND_PARTS, LedgerEntry, Part, PriceBook
from apps.billing.months import month_bounds
from apps.billing.rating import ZERO, Rates, millionths, money_of, quantity_read
from apps.billing.selectors.costs import statements_of
from apps.billing.selectors.prices import Shelf
from apps.billing.statement import Statement
from apps.tenants.models import Tenant

CHUNK = 2_000
Lines = list[dict[str, Any]]
Sums = dict[str, int]


@dataclass(frozen=True)
class PartPreview:
    """A part of a tenant's month: billed now, and as the book would have it."""

    part: str
    now: Decimal
    then: Decimal

    @property
    def difference(self) -> Decimal:
        return self.then - self.now


@dataclass(frozen=True)
class TenantPreview:
    """A tenant's month. Of its `entries`, `unpriced` have something that the book has no price for; that part counts nothing."""

    tenant: Tenant
    currency: str
    parts: list[PartPreview]
    entries: int
    unpriced: int

    @property
    def now(self) -> Decimal:
        return sum((part.now for part in self.parts), ZERO)

    @property
    def then(self) -> Decimal:
        return sum((part.then for part in self.parts), ZERO)

    @property
    def difference(self) -> Decimal:
        return self.then - self.now


@dataclass
class _Count:
    """Millionths by part, and how many entries they are from."""

    sums: Sums = field(default_factory=lambda: dict.fromkeys(Part.values, 0))
    entries: int = 0
    unpriced: int = 0

    def add(self, parts: dict[str, int | None]) -> None:
        self.entries += 1
        self.unpriced += None in parts.values()
        for part, amount in parts.items():
            if amount is not None:
                self.sums[part] += amount


def book_preview(*, book: PriceBook, month: date, tenants: Iterable[Tenant] | None = None) -> Iterator[TenantPreview]:
    """A month of each tenant that has entries in the book's currency, one after the other, as if the book had been in effect.

    Months are those of the tenant's time zone. A tenant's own prices, and what finance corrected by hand, stay as they are; what
    depends on a month's total (tiers, included quantities) is not in it, since the ledger does not hold that either.
    """
    shelf = Shelf()
    for tenant in tenants if tenants is not None else Tenant.objects.order_by("name"):
        start, end = month_bounds(month, tenant.timezone)
        rows = LedgerEntry.objects.filter(tenant=tenant, currency=book.currency, started_at__gte=start, started_at__lt=end)
        preview = _tenant_preview(tenant, rows, book, shelf, (start, end))
        if preview.entries:
            yield preview


def _tenant_preview(
    tenant: Tenant, rows: "QuerySet[LedgerEntry]", book: PriceBook, shelf: Shelf, bounds: tuple[datetime, datetime]
) -> TenantPreview:
    count = _Count()
    corrected = list(rows.filter(revision__gt=0).order_by().values_list("corrects_id", flat=True).distinct())
    for statement in statements_of(LedgerEntry.objects.filter(pk__in=corrected)):
        moment = statement.base.started_at
        count.add(_corrected(statement, shelf.at(tenant.pk, moment, book.currency, book).rates))
    _plain(count, rows.filter(revision=0), {key for key in corrected if key}, tenant, book, shelf, bounds)
    sums = rows.order_by().aggregate(**{part: Sum(part) for part in Part.values})
    parts = [PartPreview(part, sums[part] or ZERO, money_of(count.sums[part])) for part in Part.values]
    return TenantPreview(tenant, book.currency, parts, count.entries, count.unpriced)


def _plain(
    count: _Count,
    rows: "QuerySet[LedgerEntry]",
    corrected: set[UUID],
    tenant: Tenant,
    book: PriceBook,
    shelf: Shelf,
    bounds: tuple[datetime, datetime],
) -> None:
    """Entries without corrections, streamed: most of them, so that little is done for each."""
    changes = shelf.changes(tenant.pk, *bounds)
    rates = shelf.at(tenant.pk, bounds[0], book.currency, book).rates
    found = rows.order_by().values_list("pk", "started_at", "lines").iterator(chunk_size=CHUNK)
    for pk, moment, lines in found:
        if pk not in corrected:
            count.add(lines_rated(lines, shelf.at(tenant.pk, moment, book.currency, book).rates if changes else rates))


def lines_rated(lines: Lines, rates: Rates) -> dict[str, int | None]:
    """What an entry's lines cost at these rates, in millionths by part; None where something of a part has no price."""
    parts: dict[str, int | None] = {}
    for line in lines:
        kind = line["kind"]
        part = KIND_PARTS.get(kind, "platform")
        tariff = rates.of(kind, line["provider"], line["model"])
        amount: int | None = None
        if "free" in line:
            amount = 0
        elif tariff is not None:
            amount = tariff.charge({name: quantity_read(text) for name, text in line["quantities"].items()})
        before = parts.get(part, 0)
        parts[part] = None if amount is None or before is None else before + amount
    return parts


def _corrected(statement: Statement, rates: Rates) -> dict[str, int | None]:
    """An entry with corrections: all that it used, and what was corrected by hand on top."""
    fresh = rated(statement.items, rates).parts
    by_hand = _by_hand(statement.rows)
    return {part: None if value is None else millionths(value + by_hand.get(part, ZERO)) for part, value in fresh.items()}


def _by_hand(rows: Sequence[LedgerEntry]) -> dict[str, Decimal]:
    """The corrections of amounts since what was used was last told."""
    told = max((place for place, row in enumerate(rows) if row.revision == 0 or row.content_hash), default=0)
    sums: dict[str, Decimal] = {}
    for row in rows[told + 1 :]:
        if row.source == LedgerEntry.Source.CORRECTION:
            for part in Part.values:
                sums[part] = sums.get(part, ZERO) + (getattr(row, part) or ZERO)
    return sums
