"""What Compass uses, from billing, which it does not know: what it costs, whether a limit allows it, and that it is charged."""

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from apps.billing.costs import item_of, rated
from apps.billing.payloads import rows_read
from apps.billing.selectors import pricing_at
from apps.billing.services import usage_enqueue
from apps.billing.services.limits import spend_open
from apps.compass.chat import Cost, Usage, costs_register, gate_register
from apps.compass.metering import charge_register
from apps.core.schema import schema_current
from apps.tenants.selectors import tenant_by_slug


def usage_counts() -> None:
    """Registers everything below."""
    charge_register(usage_enqueue)
    costs_register(_costs)
    gate_register(_refusal)


def _costs(usages: Sequence[Usage]) -> list[Cost]:
    """The rows' costs by what the current tenant pays now; None as its amount when something has no price."""
    tenant = tenant_by_slug(schema_current())
    if tenant is None:
        return [Cost(None, "USD") for _usage in usages]
    pricing = pricing_at(tenant, timezone.now())
    return [Cost(rated(map(item_of, rows_read(usage)), pricing.rates).total, pricing.currency) for usage in usages]


def _refusal(agent_id: UUID) -> str:
    """Before an agent is tried or checked; a person of the company reads it, so it says which limit it is."""
    return spend_open(agent_id=agent_id).reason
