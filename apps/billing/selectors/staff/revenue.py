"""Revenue, cost and margin of the platform: by month, and of one month by tenant, part and channel; and what is overdue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, F, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth
from django.utils import timezone

from apps.billing.models import Invoice, LedgerEntry, Part
from apps.billing.selectors.staff.sums import AGGREGATES, AMOUNT, ZERO, Sums, entries_of, month_bounds, sums_of
from apps.tenants.models import Tenant

OVERDUE_SHOWN = 200


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


def currencies_used(months: Sequence[date]) -> list[str]:
    """Those of the ledger in these months, the one with most entries first."""
    found = [sums_of(row) for row in _span(months).values("currency").annotate(**AGGREGATES)]
    return [one.currency for one in sorted(found, key=lambda one: (-one.things, one.currency))]


def months_sums(months: Sequence[date], currency: str) -> list[MonthSums]:
    """Every one of the months, also those without anything, in their order."""
    grouped = _span(months).filter(currency=currency).annotate(month=TruncMonth("started_at", tzinfo=UTC))
    rows = {row["month"].date(): sums_of(row) for row in grouped.values("month", "currency").annotate(**AGGREGATES)}
    return [MonthSums(month, rows.get(month, Sums(currency))) for month in months]


def tenants_sums(month: date, currency: str) -> list[NamedSums]:
    """Each tenant that used something, the one that brought most first."""
    rows = entries_of(month).filter(currency=currency).values("tenant_id", "currency").annotate(**AGGREGATES)
    found = {row["tenant_id"]: sums_of(row) for row in rows}
    named = Tenant.objects.in_bulk(found)
    return _sorted(NamedSums(named[pk].name, sums, named[pk].schema_name) for pk, sums in found.items())


def channels_sums(month: date, currency: str) -> list[NamedSums]:
    """Each channel; what has none stands under its kind of usage."""
    rows = entries_of(month).filter(currency=currency).values("channel", "source_type", "currency").annotate(**AGGREGATES)
    found: dict[str, Sums] = {}
    for row in rows:
        name = row["channel"] or row["source_type"]
        found[name] = found.get(name, Sums(currency)) + sums_of(row)
    return _sorted(NamedSums(name, sums) for name, sums in found.items())


def parts_revenue(month: date, currency: str) -> list[tuple[str, Decimal]]:
    """What each part of the cost brought, by its label. What providers charge is not kept by part."""
    sums = {part: Coalesce(Sum(part), ZERO, output_field=AMOUNT) for part in Part.values}
    row = entries_of(month).filter(currency=currency).aggregate(**{f"{part}_sum": one for part, one in sums.items()})
    return [(str(Part(part).label), row[f"{part}_sum"]) for part in Part.values]


def overdue_invoices() -> "QuerySet[Any, Any]":
    """Open and past their day, the oldest first, with `owed`."""
    late = Invoice.objects.filter(state=Invoice.State.OPEN, due_at__lt=timezone.now()).select_related("tenant")
    owed = F("total") - F("paid") - F("credited")
    return late.annotate(owed=owed).order_by("due_at", "pk")[:OVERDUE_SHOWN]


def month_lines(month: date) -> Iterator[dict[str, Any]]:
    """A month for a spreadsheet: one row for each tenant, channel, kind of usage and currency."""
    parts: dict[str, Any] = {f"{part}_sum": Coalesce(Sum(part), ZERO, output_field=DecimalField()) for part in Part.values}
    keys = ("tenant__schema_name", "tenant__name", "source_type", "channel", "currency")
    yield from entries_of(month).values(*keys).annotate(**AGGREGATES, **parts).order_by(*keys).iterator(chunk_size=1000)


def _span(months: Sequence[date]) -> "QuerySet[LedgerEntry]":
    start, end = month_bounds(min(months))[0], month_bounds(max(months))[1]
    return LedgerEntry.objects.filter(started_at__gte=start, started_at__lt=end).order_by()


def _sorted(found: Iterator[NamedSums]) -> list[NamedSums]:
    return sorted(found, key=lambda one: (-one.sums.revenue, one.name.lower()))
