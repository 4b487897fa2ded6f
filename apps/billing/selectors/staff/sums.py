"""Revenue, cost and margin of a span of time, each currency by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.billing.models import LedgerEntry, SourceType

ZERO = Decimal(0)
AMOUNT: "DecimalField[Any, Any]" = DecimalField(max_digits=18, decimal_places=6)


@dataclass(frozen=True)
class Sums:
    """`revenue` is what the ledger charged, `cost` what providers charge, as far as both are known; in one currency."""

    currency: str
    revenue: Decimal = ZERO
    cost: Decimal = ZERO
    calls: int = 0
    things: int = 0

    @property
    def margin(self) -> Decimal:
        return self.revenue - self.cost

    @property
    def percent(self) -> int | None:
        """The margin of the revenue; None without revenue."""
        return round(100 * self.margin / self.revenue) if self.revenue else None

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.currency,
            self.revenue + other.revenue,
            self.cost + other.cost,
            self.calls + other.calls,
            self.things + other.things,
        )


AGGREGATES: dict[str, Any] = {
    "revenue": Coalesce(Sum("total_known"), ZERO, output_field=AMOUNT),
    "cost": Coalesce(Sum("provider_cost"), ZERO, output_field=AMOUNT),
    "calls": Count("tenant", filter=Q(source_type=SourceType.CALL, revision=0)),
    "things": Count("tenant", filter=Q(revision=0)),
}


def sums_of(row: Mapping[str, Any]) -> Sums:
    """A row of a query that was grouped with AGGREGATES."""
    return Sums(row["currency"], row["revenue"], row["cost"], row["calls"], row["things"])


def by_currency(sums: Iterable[Sums]) -> list[Sums]:
    """Added up, one for each currency, by its name."""
    found: dict[str, Sums] = {}
    for one in sums:
        found[one.currency] = found.get(one.currency, Sums(one.currency)) + one
    return [found[currency] for currency in sorted(found)]


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """The platform's months are those of UTC; the end is not included."""
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    return start, datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def entries_of(month: date) -> "QuerySet[LedgerEntry]":
    """What happened in a month, without an order, to be grouped."""
    start, end = month_bounds(month)
    return LedgerEntry.objects.filter(started_at__gte=start, started_at__lt=end).order_by()
