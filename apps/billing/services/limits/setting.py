"""What a company sets: who may spend how much. The audit log tells who changed it."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.billing.models import SpendLimit
from apps.billing.selectors.limits import CHANNELS, currency_of
from apps.billing.services.limits.notices import threshold_of, windows_warn
from apps.billing.services.limits.windows import limits_lock, windows_refresh
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

Scope, Period, Reached = SpendLimit.Scope, SpendLimit.Period, SpendLimit.Reached
MOST, MICRO = Decimal(1_000_000_000), Decimal("0.000001")


class LimitRefused(PermanentError):
    """This limit cannot be set; the text says why, and `field` where."""

    code = "limit_refused"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def limit_set(
    *,
    tenant: Tenant,
    scope: str,
    period: str,
    amount: Decimal,
    reached: str = Reached.REFUSE,
    agent_id: UUID | str | None = None,
    channel: str = "",
    currency: str = "",
) -> tuple[SpendLimit, bool]:
    """Sets the one limit that there is for a scope and period; returns it, and whether it is new. Raises LimitRefused."""
    _scope_check(scope, agent_id, channel)
    charged = currency_of(tenant)
    _amount_check(amount, currency or charged, charged)
    limits_lock(tenant.pk)
    key = {"tenant": tenant, "scope": scope, "period": period, "agent_id": agent_id, "channel": channel}
    values = {"amount": amount.quantize(MICRO), "currency": charged, "reached": reached, "active": True}
    limit, created = SpendLimit.objects.get_or_create(**key, defaults=values)
    if not created:
        created = not limit.active
        _change(limit, values)
    return _count(limit), created


@transaction.atomic
def limit_remove(*, limit: SpendLimit) -> None:
    """Nothing is refused by it any more. It is kept, so that it can be put back with what it held."""
    limits_lock(limit.tenant_id)
    limit.active = False
    limit.save(update_fields=["active", "updated_at"])


@transaction.atomic
def limit_restore(*, limit: SpendLimit) -> SpendLimit:
    """Puts a removed limit back as it was; what was spent meanwhile counts. Raises LimitRefused."""
    _amount_check(limit.amount, limit.currency, currency_of(limit.tenant))
    limits_lock(limit.tenant_id)
    _change(limit, {"active": True})
    return _count(limit)


def _change(limit: SpendLimit, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(limit, name, value)
    limit.save()


def _count(limit: SpendLimit) -> SpendLimit:
    """Sums what counts from now on. People are told at the thresholds of the new amount."""
    windows = windows_refresh(limit)
    for window in windows:
        window.warned = min(window.warned, threshold_of(window))
        window.save(update_fields=["warned"])
    windows_warn(windows)
    return limit


def _scope_check(scope: str, agent_id: object, channel: str) -> None:
    if scope == Scope.AGENT and not agent_id:
        raise LimitRefused(_("Choose the agent that the limit is for."), "agent_id")
    if scope == Scope.CHANNEL and channel not in CHANNELS:
        raise LimitRefused(_("Choose the channel that the limit is for."), "channel")
    if scope != Scope.AGENT and agent_id:
        raise LimitRefused(_("Only a limit of one agent names an agent."), "agent_id")
    if scope != Scope.CHANNEL and channel:
        raise LimitRefused(_("Only a limit of one channel names a channel."), "channel")


def _amount_check(amount: Decimal, currency: str, charged: str) -> None:
    if currency != charged:
        raise LimitRefused(
            _("This company is charged in %(charged)s, so a limit in %(currency)s would count nothing. Set it in %(charged)s.")
            % {"charged": charged, "currency": currency},
            "currency",
        )
    if not amount.is_finite() or not 0 <= amount <= MOST:
        raise LimitRefused(_("A limit is an amount from 0 to %(most)s.") % {"most": f"{MOST:,}"}, "amount")
