"""What was used and has no price, with the names of those who used it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.billing.models import Kind
from apps.billing.selectors.unpriced import unpriced_usage
from apps.tenants.models import Tenant

NAMED = 5


@dataclass(frozen=True)
class UnpricedRow:
    """One thing without a price. `tenants` are some of those who used it; `more` how many others did."""

    kind: str
    provider: str
    model: str
    times: int
    first_at: datetime
    last_at: datetime
    quantities: dict[str, Decimal]
    tenants: list[Tenant]
    more: int

    @property
    def kind_label(self) -> str:
        return str(Kind(self.kind).label) if self.kind in Kind.values else self.kind

    @property
    def used(self) -> list[str]:
        """Such as `120 characters`."""
        return [f"{amount.normalize():f} {name.replace('_', ' ')}" for name, amount in sorted(self.quantities.items())]


def unpriced_rows(tenant: Tenant | None = None) -> list[UnpricedRow]:
    """Of one tenant or of all, the most often used first."""
    found = unpriced_usage(tenant)
    named = Tenant.objects.in_bulk({pk for one in found for pk in one.tenants[:NAMED]})
    return [
        UnpricedRow(
            one.kind,
            one.provider,
            one.model,
            one.times,
            one.first_at,
            one.last_at,
            one.quantities,
            [named[pk] for pk in one.tenants[:NAMED]],
            max(0, len(one.tenants) - NAMED),
        )
        for one in found
    ]
