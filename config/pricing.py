"""What usage costs, from billing's prices, for the pages of apps that do not know billing."""

from django.utils import timezone

from apps.billing.costs import item_of, rated
from apps.billing.payloads import rows_read
from apps.billing.selectors import pricing_at
from apps.compass.chat import Cost, Usage
from apps.core.schema import schema_current
from apps.tenants.selectors import tenant_by_slug


def usage_cost(usage: Usage) -> Cost:
    """The rows' cost by what the current tenant pays now; None as its amount when something has no price."""
    tenant = tenant_by_slug(schema_current())
    if tenant is None:
        return Cost(None, "USD")
    pricing = pricing_at(tenant, timezone.now())
    return Cost(rated(map(item_of, rows_read(usage)), pricing.rates).total, pricing.currency)
