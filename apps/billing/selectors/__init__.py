"""Every read of billing that is more than a get."""

from apps.billing.selectors.costs import (
    CostBreakdown,
    CostLine,
    breakdown_of,
    call_cost,
    call_costs,
    statement_of,
    statements_of,
)
from apps.billing.selectors.preview import PartPreview, TenantPreview, book_preview
from apps.billing.selectors.prices import Pricing, price_book_at, pricing_at, tenant_currency

__all__ = [
    "CostBreakdown",
    "CostLine",
    "PartPreview",
    "Pricing",
    "TenantPreview",
    "book_preview",
    "breakdown_of",
    "call_cost",
    "call_costs",
    "price_book_at",
    "pricing_at",
    "statement_of",
    "statements_of",
    "tenant_currency",
]
