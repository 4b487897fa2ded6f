"""Every read of billing that is more than a get."""

from apps.billing.selectors.costs import (
    CostBreakdown,
    CostLine,
    breakdown_of,
    call_cost,
    call_costs,
    price_book_at,
)

__all__ = ["CostBreakdown", "CostLine", "breakdown_of", "call_cost", "call_costs", "price_book_at"]
