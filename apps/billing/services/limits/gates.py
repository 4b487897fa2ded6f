"""The question that is asked before a call, an answer or a trial begins, in the tenant whose schema is current."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from apps.billing.models import SpendHold
from apps.billing.rounding import step_of
from apps.billing.selectors.limits import limits_reached
from apps.billing.services.limits.spending import ADMITTED, LASTS, Decision, decided, spend_release, spend_reserve
from apps.core.rows import row_read
from apps.core.schema import schema_current
from apps.tenants.models import Tenant

__all__ = ["Decision", "estimate_or", "spend_forget", "spend_gate", "spend_open"]

LIMITED = (
    "WHERE mine.schema_name = %s AND EXISTS"
    " (SELECT FROM billing_spendlimit AS spend WHERE spend.tenant_id = mine.id AND spend.active)"
)


def spend_gate(
    *,
    source_type: str,
    source_id: str,
    agent_id: UUID | str | None,
    channel: str,
    estimate: Callable[[], Decimal],
    lasts: timedelta = LASTS,
) -> Decision:
    """spend_reserve for the current tenant. One without limits pays one statement, and nothing is estimated for it."""
    tenant = _limited()
    if tenant is None:
        return ADMITTED
    return spend_reserve(
        tenant=tenant,
        source_type=source_type,
        source_id=source_id,
        agent_id=agent_id,
        channel=channel,
        estimate=estimate(),
        lasts=lasts,
    )


def spend_open(*, agent_id: UUID | str | None, channel: str = "") -> Decision:
    """The same question for what costs too little to hold anything for it, and for pages that tell before one begins."""
    tenant = _limited()
    return decided(limits_reached(tenant, agent_id, channel)) if tenant else ADMITTED


def _limited() -> Tenant | None:
    """The current tenant, if it has limits."""
    return row_read(Tenant, LIMITED, [schema_current()])


def estimate_or(total: Decimal, currency: str, unpriced: bool, floor: Decimal) -> Decimal:
    """An estimate, or `floor` (written for dollars) where not everything has a price and it is more."""
    least = floor if step_of(currency) < 1 else floor * 100
    return max(total, least) if unpriced else total


def spend_forget(*, source_type: str, source_id: str) -> bool:
    """spend_release for the current tenant."""
    held = SpendHold.objects.filter(tenant__schema_name=schema_current(), source_type=source_type, source_id=source_id)
    hold = held.filter(state=SpendHold.State.HELD).first()
    return hold is not None and spend_release(tenant_id=hold.tenant_id, source_type=source_type, source_id=source_id)
