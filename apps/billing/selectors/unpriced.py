"""What was used without a price: which entries, and what they lack, added up for finance."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from apps.billing.models import LedgerEntry
from apps.tenants.models import Tenant

# The newest row of a source says what it still lacks; its lines, added up over all rows, say how much of it was used.
LACKING = """
WITH open AS (
  SELECT entry.tenant_id, entry.source_type, entry.source_id, entry.started_at, entry.unpriced
  FROM billing_ledgerentry entry
  WHERE entry.total IS NULL AND (%(tenant)s::bigint IS NULL OR entry.tenant_id = %(tenant)s)
    AND NOT EXISTS (SELECT FROM billing_ledgerentry later
      WHERE later.tenant_id = entry.tenant_id AND later.source_type = entry.source_type
        AND later.source_id = entry.source_id AND later.revision > entry.revision)),
lack AS (
  SELECT open.*, item->>'kind' AS kind, item->>'provider' AS provider, item->>'model' AS model
  FROM open, jsonb_array_elements(open.unpriced) item),
used AS (
  SELECT lack.kind, lack.provider, lack.model, quantity.key AS name, sum(quantity.value::numeric) AS amount
  FROM lack
  JOIN billing_ledgerentry row USING (tenant_id, source_type, source_id)
  CROSS JOIN LATERAL jsonb_array_elements(row.lines) line
  CROSS JOIN LATERAL jsonb_each_text(line->'quantities') quantity
  WHERE line->>'kind' = lack.kind AND line->>'provider' = lack.provider AND line->>'model' = lack.model
  GROUP BY 1, 2, 3, 4),
counted AS (
  SELECT kind, provider, model, count(*) AS times, min(started_at) AS first_at, max(started_at) AS last_at,
    array_agg(DISTINCT tenant_id) AS tenants FROM lack GROUP BY 1, 2, 3)
SELECT counted.*, COALESCE((SELECT jsonb_object_agg(used.name, used.amount::text) FROM used
  WHERE (used.kind, used.provider, used.model) = (counted.kind, counted.provider, counted.model)), '{}')
FROM counted ORDER BY times DESC, kind, provider, model
"""


@dataclass(frozen=True)
class Unpriced:
    """One thing without a price: how often and since when it was used, how much of it, and by which tenants (their keys)."""

    kind: str
    provider: str
    model: str
    times: int
    first_at: datetime
    last_at: datetime
    tenants: list[int]
    quantities: dict[str, Decimal]


def unpriced_usage(tenant: Tenant | None = None) -> list[Unpriced]:
    """What lacks a price, of one tenant or of all, the most often used first."""
    with connection.cursor() as cursor:
        cursor.execute(LACKING, {"tenant": tenant.pk if tenant else None})
        rows = cursor.fetchall()
    return [_unpriced(row) for row in rows]


def _unpriced(row: tuple[Any, ...]) -> Unpriced:
    kind, provider, model, times, first_at, last_at, tenants, used = row
    quantities = {name: Decimal(amount) for name, amount in _json(used).items() if Decimal(amount)}
    return Unpriced(kind, provider, model, times, first_at, last_at, tenants, quantities)


def unpriced_latest(tenant: Tenant | None = None) -> list[UUID]:
    """The keys of entries that something still has no price in; of those with corrections, the latest one's."""
    rows = LedgerEntry.objects.filter(total__isnull=True)
    later = LedgerEntry.objects.filter(
        Q(corrects=OuterRef("corrects")) | Q(corrects=OuterRef("pk")), revision__gt=OuterRef("revision")
    )
    rows = rows.filter(~Exists(later))
    if tenant is not None:
        rows = rows.filter(tenant=tenant)
    return list(rows.order_by("started_at", "pk").values_list("pk", flat=True))


def _json(value: str | dict[str, str]) -> dict[str, str]:
    return value if isinstance(value, dict) else dict(json.loads(value))
