"""A month as another price book would have charged it: the ledger is rated again and nothing is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db.models import QuerySet

from apps.billing.costs import rated
from apps.billing.models import KIND_PARTS, LedgerEntry, Part, PriceBook
from apps.billing.months import day_begin, month_bounds, month_days, month_first
from apps.billing.rating import ZERO, Rates, millionths, money_of, quantity_read
from apps.billing.selectors.costs import statements_of
from apps.billing.selectors.preview_lines import PARTS, Span, plain_sums
from apps.billing.selectors.prices import Shelf
from apps.billing.statement import Statement
from apps.tenants.models import Tenant

CHUNK = 2_000
MANY = 20_000  # entries of a month from which on it is rated day by day, so that nobody waits for all of it at once
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
class Count:
    """What was rated so far: millionths by part as billed and as it would be, and how many entries they are from."""

    now: Sums = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    then: Sums = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    entries: int = 0
    unpriced: int = 0

    def add(self, billed: dict[str, Decimal | None], parts: dict[str, int | None]) -> None:
        """One entry with its corrections."""
        self.entries += 1
        self.unpriced += None in parts.values()
        for part, known in billed.items():
            self.now[part] += millionths(known or ZERO)
        for part, amount in parts.items():
            self.then[part] += amount or 0


def book_preview(*, book: PriceBook, month: date, tenants: Iterable[Tenant] | None = None) -> Iterator[TenantPreview]:
    """A month of each tenant that has entries in the book's currency, one after the other, as if the book had been in effect.

    Months are those of the tenant's time zone. A tenant's own prices, and what finance corrected by hand, stay as they are; what
    depends on a month's total (tiers, included quantities) is not in it, since the ledger does not hold that either.
    """
    shelf = Shelf()
    for tenant in tenants if tenants is not None else Tenant.objects.order_by("name"):
        count = Count()
        for begin, end in month_spans(tenant, book, month, shelf):
            span_count(count, tenant, book, shelf, begin, end)
        if count.entries:
            yield tenant_preview(tenant, book, count)


def tenant_preview(tenant: Tenant, book: PriceBook, count: Count) -> TenantPreview:
    """What was counted, for people."""
    parts = [PartPreview(part, money_of(count.now[part]), money_of(count.then[part])) for part in PARTS]
    return TenantPreview(tenant, book.currency, parts, count.entries, count.unpriced)


def month_spans(tenant: Tenant, book: PriceBook, month: date, shelf: Shelf) -> list[tuple[datetime, datetime]]:
    """A month in pieces that each have the same prices from begin to end; in days where much was used."""
    start, end = month_bounds(month, tenant.timezone)
    cuts = {start, *shelf.cuts(tenant.pk, start, end, book.currency)}
    if _entries(tenant, book, start, end).count() > MANY:
        first = month_first(month)
        days = (day_begin(first + timedelta(days=number), tenant.timezone) for number in range(month_days(month)))
        cuts |= {day for day in days if start < day < end}
    return list(pairwise([*sorted(cuts), end]))


def span_count(count: Count, tenant: Tenant, book: PriceBook, shelf: Shelf, begin: datetime, end: datetime) -> None:
    """Adds one piece of a month. What was corrected, or had no price, is rated entry by entry; there is little of it."""
    rows, rates = _entries(tenant, book, begin, end), shelf.at(tenant.pk, begin, book.currency, book).rates
    corrected = set(rows.filter(revision__gt=0).order_by().values_list("corrects_id", flat=True))
    for statement in statements_of(LedgerEntry.objects.filter(pk__in=corrected)):
        count.add({part: statement.known(part) for part in PARTS}, _corrected(statement, rates))
    _unpriced(count, rows.filter(revision=0, total__isnull=True).exclude(pk__in=corrected), rates)
    span = Span(tenant.pk, book.currency, begin, end, [key for key in corrected if key])
    plain = plain_sums(span, shelf.at(tenant.pk, begin, book.currency).rates, rates)
    count.entries += plain.entries
    count.unpriced += plain.lacking
    for part in PARTS:
        count.now[part] += millionths(plain.now[part])
        count.then[part] += millionths(plain.then[part])


def _entries(tenant: Tenant, book: PriceBook, begin: datetime, end: datetime) -> "QuerySet[LedgerEntry]":
    return LedgerEntry.objects.filter(tenant=tenant, currency=book.currency, started_at__gte=begin, started_at__lt=end)


def _unpriced(count: Count, rows: "QuerySet[LedgerEntry]", rates: Rates) -> None:
    for lines, *billed in rows.order_by().values_list("lines", *PARTS).iterator(chunk_size=CHUNK):
        count.add(dict(zip(PARTS, billed, strict=True)), lines_rated(lines, rates))


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
