"""What was used and has no price, so that it was not charged: how often, since when, by whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from apps.billing.models import Kind
from apps.tenants.models import Tenant

# A re-rating row corrects its entry: what the newest row of a thing still lacks is what has no price.
GROUPED = """
SELECT item->>'kind' AS kind, item->>'provider' AS provider, item->>'model' AS model, count(*) AS times,
       min(started_at) AS first_at, max(started_at) AS last_at, array_agg(DISTINCT tenant_id) AS tenants
FROM billing_ledgerentry entry, jsonb_array_elements(entry.unpriced) item
WHERE entry.total IS NULL
  AND NOT EXISTS (SELECT FROM billing_ledgerentry later
                  WHERE later.tenant_id = entry.tenant_id AND later.source_type = entry.source_type
                    AND later.source_id = entry.source_id AND later.revision > entry.revision)
  AND (%(tenant)s::bigint IS NULL OR tenant_id = %(tenant)s)
GROUP BY 1, 2, 3 ORDER BY times DESC, 1, 2, 3
"""
NAMED = 5


@dataclass(frozen=True)
class UnpricedRow:
    """One thing without a price. `tenants` are the names of some of those who used it; `more` how many others did."""

    kind: str
    provider: str
    model: str
    times: int
    first_at: datetime
    last_at: datetime
    tenants: list[Tenant]
    more: int

    @property
    def kind_label(self) -> str:
        return str(Kind(self.kind).label) if self.kind in Kind.values else self.kind


def unpriced_rows(tenant: Tenant | None = None) -> list[UnpricedRow]:
    """Of one tenant or of all, the most often used first."""
    with connection.cursor() as cursor:
        cursor.execute(GROUPED, {"tenant": tenant.pk if tenant else None})
        found = cursor.fetchall()
    named = Tenant.objects.in_bulk({pk for row in found for pk in row[-1][:NAMED]})
    return [_row(row, named) for row in found]


def _row(row: tuple[Any, ...], named: dict[int, Tenant]) -> UnpricedRow:
    kind, provider, model, times, first_at, last_at, ids = row
    tenants = [named[pk] for pk in ids[:NAMED]]
    return UnpricedRow(kind, provider, model, times, first_at, last_at, tenants, max(0, len(ids) - NAMED))
