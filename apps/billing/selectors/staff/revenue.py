"""Revenue, cost and margin of the platform: by month, and of one month by tenant, part and channel; and what is overdue."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any, TypeVar, cast

from django.core.cache import cache
from django.db.models import DecimalField, Q, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, TruncMonth
from django.utils import timezone

from apps.billing.models import OWED, Invoice, LedgerEntry, Part, PriceBook
from apps.billing.selectors.staff.sums import AGGREGATES, AMOUNT, ZERO, Sums, by_currency, entries_of, month_bounds, sums_of
from apps.tenants.models import Tenant

OVERDUE_SHOWN = 200
REMEMBERED = 600  # seconds
K = TypeVar("K")


@dataclass(frozen=True)
class Cell:
    """What one tenant brought on one channel, in one currency."""

    tenant_id: int
    channel: str
    sums: Sums


@dataclass(frozen=True)
class MonthSums:
    """A month of one currency."""

    month: date
    sums: Sums


@dataclass(frozen=True)
class NamedSums:
    """What a tenant, a channel or a part brought; `slug` where it is a tenant."""

    name: str
    sums: Sums
    slug: str = ""


@dataclass(frozen=True)
class Collected:
    """Invoices in one currency, with tax: `billed` and `collected` in a month; `outstanding`, and `overdue` of it, now."""

    currency: str
    billed: Decimal
    collected: Decimal
    outstanding: Decimal
    overdue: Decimal
    written_off: Decimal

    @property
    def says_something(self) -> bool:
        return any((self.billed, self.collected, self.outstanding, self.written_off))


def month_cells(month: date) -> list[Cell]:
    """A month from one query, as small as its tables need it."""
    grouped = entries_of(month).values("tenant_id", "channel", "source_type", "currency").annotate(**AGGREGATES)
    return [Cell(row["tenant_id"], row["channel"] or row["source_type"], sums_of(row)) for row in grouped]


def currencies_used(cells: Sequence[Cell]) -> list[str]:
    """The one with most entries first, and then those of the price books."""
    used = sorted(by_currency(cell.sums for cell in cells), key=lambda one: (-one.things, one.currency))
    books = PriceBook.objects.order_by("currency").values_list("currency", flat=True).distinct()
    return list(dict.fromkeys([*(one.currency for one in used), *books])) or ["USD"]


def months_sums(months: Sequence[date], currency: str) -> list[MonthSums]:
    """Every one of the months, also those without anything, in their order."""
    grouped = _span(months).filter(currency=currency).annotate(month=TruncMonth("started_at", tzinfo=UTC))
    rows = {row["month"].date(): sums_of(row) for row in grouped.values("month", "currency").annotate(**AGGREGATES)}
    return [MonthSums(month, rows.get(month, Sums(currency))) for month in months]


def months_remembered(months: Sequence[date], currency: str) -> list[MonthSums]:
    """As months_sums; what months before the last one came to is read again after ten minutes at most."""
    *past, last = months
    key = f"staff-months:{currency}:{last:%Y-%m}:{len(months)}"
    before: list[MonthSums] | None = cache.get(key)
    if before is None:
        before = months_sums(past, currency)
        cache.set(key, before, REMEMBERED)
    return [*before, *months_sums([last], currency)]


def tenants_sums(cells: Sequence[Cell], currency: str) -> list[NamedSums]:
    """Each tenant that used something, the one that brought most first."""
    found = _added(((cell.tenant_id, cell.sums) for cell in cells), currency)
    named = Tenant.objects.in_bulk(found)
    return _sorted(NamedSums(named[pk].name, sums, named[pk].schema_name) for pk, sums in found.items())


def channels_sums(cells: Sequence[Cell], currency: str) -> list[NamedSums]:
    """Each channel; what has none stands under its kind of usage."""
    found = _added(((cell.channel, cell.sums) for cell in cells), currency)
    return _sorted(NamedSums(name, sums) for name, sums in found.items())


def parts_revenue(month: date, currency: str) -> list[tuple[str, Decimal]]:
    """What each part of the cost brought, by its label. What providers charge is not kept by part."""
    sums = {part: Coalesce(Sum(part), ZERO, output_field=AMOUNT) for part in Part.values}
    row = entries_of(month).filter(currency=currency).aggregate(**{f"{part}_sum": one for part, one in sums.items()})
    return [(str(Part(part).label), row[f"{part}_sum"]) for part in Part.values]


def overdue_invoices() -> "QuerySet[Any, Any]":
    """Open and past their day, the oldest first."""
    late = Invoice.objects.filter(state=Invoice.State.OPEN, due_at__lt=timezone.now()).select_related("tenant")
    return late.order_by("due_at", "pk")[:OVERDUE_SHOWN]


def collected_in(month: date) -> list[Collected]:
    """The invoices of all tenants, each currency by itself: what the month brought, and what is open now."""
    start, end = month_bounds(month)
    open_now = Q(state=Invoice.State.OPEN)
    counted = Invoice.objects.exclude(state__in=(Invoice.State.DRAFT, Invoice.State.VOID)).order_by("currency").values("currency")
    found = counted.annotate(
        billed=_summed("total", Q(finalized_at__gte=start, finalized_at__lt=end)),
        collected=_summed("paid", Q(paid_at__gte=start, paid_at__lt=end)),
        outstanding=_summed(OWED, open_now),
        overdue=_summed(OWED, open_now & Q(due_at__lt=timezone.now())),
        written_off=_summed(OWED, Q(state=Invoice.State.UNCOLLECTIBLE)),
    )
    rows = [Collected(**cast("dict[str, Any]", row)) for row in found]
    return [one for one in rows if one.says_something]


def _summed(amount: str | Combinable, which: Q) -> Coalesce:
    return Coalesce(Sum(amount, filter=which), ZERO, output_field=AMOUNT)


def month_lines(month: date) -> Iterator[dict[str, Any]]:
    """A month for a spreadsheet: one row for each tenant, channel, kind of usage and currency."""
    parts: dict[str, Any] = {f"{part}_sum": Coalesce(Sum(part), ZERO, output_field=DecimalField()) for part in Part.values}
    keys = ("tenant__schema_name", "tenant__name", "source_type", "channel", "currency")
    yield from entries_of(month).values(*keys).annotate(**AGGREGATES, **parts).order_by(*keys).iterator(chunk_size=1000)


def _span(months: Sequence[date]) -> "QuerySet[LedgerEntry]":
    start, end = month_bounds(min(months))[0], month_bounds(max(months))[1]
    return LedgerEntry.objects.filter(started_at__gte=start, started_at__lt=end).order_by()


def _added(pairs: "Iterable[tuple[K, Sums]]", currency: str) -> "dict[K, Sums]":
    found: dict[K, Sums] = {}
    for key, sums in pairs:
        if sums.currency == currency:
            found[key] = found.get(key, Sums(currency)) + sums
    return found


def _sorted(found: Iterator[NamedSums]) -> list[NamedSums]:
    return sorted(found, key=lambda one: (-one.sums.revenue, one.name.lower()))
