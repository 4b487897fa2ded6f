"""Reads of spend limits: what is spent, held and left of each now, and when it starts anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.models import BillingProfile, LedgerEntry, SpendLimit, SpendWindow
from apps.billing.windows import window_bounds, window_start
from apps.core.templatetags.ui import money
from apps.tenants.models import Tenant

Scope, Period, Reached = SpendLimit.Scope, SpendLimit.Period, SpendLimit.Reached
CHANNELS = {"sip": gettext_lazy("Phone calls"), "webrtc": gettext_lazy("Web calls"), "whatsapp": gettext_lazy("WhatsApp")}
ATTENTION = 80  # percent, from which a page asks for attention


@dataclass(frozen=True)
class LimitRow:
    """A limit and its present window. Amounts in the limit's currency, shares in percent, at most 100 together."""

    limit: SpendLimit
    name: str
    spent: Decimal
    held: Decimal
    resets_at: datetime
    counts: bool  # false when the tenant is charged in another currency by now

    @property
    def left(self) -> Decimal:
        """What may still be spent or held; 0 once the limit is reached."""
        return max(self.limit.amount - self.spent - self.held, Decimal(0))

    @property
    def spent_share(self) -> int:
        return _share(self.spent, self.limit.amount)

    @property
    def held_share(self) -> int:
        return min(_share(self.held, self.limit.amount), 100 - self.spent_share)

    @property
    def percent(self) -> int:
        """How much of it is spent, which may be more than 100."""
        return int(self.spent * 100 / self.limit.amount) if self.limit.amount else 100

    @property
    def is_reached(self) -> bool:
        """New work is not admitted now, be it that running work holds the rest."""
        return self.counts and self.spent + self.held >= self.limit.amount

    @property
    def is_near(self) -> bool:
        """Worth somebody's attention, and not reached."""
        return self.counts and not self.is_reached and self.percent >= ATTENTION


def _share(part: Decimal, whole: Decimal) -> int:
    return min(100, max(0, int(part * 100 / whole))) if whole else 100


def currency_of(tenant: Tenant) -> str:
    """The currency (ISO 4217) that a tenant is charged in."""
    return BillingProfile.objects.filter(tenant=tenant).values_list("currency", flat=True).first() or "USD"


def limit_rows(tenant: Tenant, agent_names: Mapping[UUID, str] | None = None) -> list[LimitRow]:
    """The limits in force, those of the whole company first; two statements, and one for a window that nobody needed yet."""
    limits = list(SpendLimit.objects.select_related("tenant").filter(tenant=tenant, active=True))
    if not limits:
        return []
    starts = {limit.pk: window_start(limit.period, timezone.now(), tenant.timezone) for limit in limits}
    windows = SpendWindow.objects.filter(limit__in=limits, starts_on__in=set(starts.values()), zone=tenant.timezone)
    found = {(window.limit_id, window.starts_on): window for window in windows}
    currency = currency_of(tenant)
    rows = [
        _row(limit, found.get((limit.pk, starts[limit.pk])), starts[limit.pk], currency, agent_names or {}) for limit in limits
    ]
    order = [Scope.TENANT, Scope.CHANNEL, Scope.AGENT]
    return sorted(rows, key=lambda row: (order.index(Scope(row.limit.scope)), row.name, row.limit.period != Period.DAY))


def _row(limit: SpendLimit, window: SpendWindow | None, starts_on: date, currency: str, names: Mapping[UUID, str]) -> LimitRow:
    zone = limit.tenant.timezone
    spent = window.spent if window else ledger_sum(limit, starts_on, zone)
    held = window.held if window else Decimal(0)
    resets_at = window_bounds(limit.period, starts_on, zone)[1]
    return LimitRow(limit, scope_name(limit, names), spent, held, resets_at, limit.currency == currency)


def limits_for(limits: Iterable[SpendLimit], agent_id: UUID | str | None, channel: str) -> list[SpendLimit]:
    """Those of the limits in force that speak of this agent or channel, or of the whole company."""
    return [limit for limit in limits if limit.active and _speaks_of(limit, agent_id, channel)]


def _speaks_of(limit: SpendLimit, agent_id: UUID | str | None, channel: str) -> bool:
    if limit.scope == Scope.AGENT:
        return agent_id is not None and str(limit.agent_id) == str(agent_id)
    return limit.scope == Scope.TENANT or limit.channel == channel


def limits_reached(tenant: Tenant, agent_id: UUID | str | None, channel: str) -> list[SpendLimit]:
    """The limits that new work of this agent and channel would meet now. Without a lock: what runs may change it any moment."""
    return limits_for([row.limit for row in limit_rows(tenant) if row.is_reached], agent_id, channel)


def scope_name(limit: SpendLimit, agent_names: Mapping[UUID, str] | None = None) -> str:
    """Whom or what a limit is for, as people call it."""
    if limit.scope == Scope.CHANNEL:
        return str(CHANNELS.get(limit.channel, limit.channel))
    if limit.scope == Scope.AGENT and limit.agent_id:
        return (agent_names or {}).get(limit.agent_id) or _("An agent that is no more")
    return _("The whole company")


def limit_name(limit: SpendLimit) -> str:
    """Such as `the limit of $100.00 a month`, to stand within a sentence."""
    amount = money(limit.amount, limit.currency)
    words = {
        Scope.TENANT: _("the limit of %(amount)s %(period)s"),
        Scope.AGENT: _("an agent's limit of %(amount)s %(period)s"),
        Scope.CHANNEL: _("the limit of %(amount)s %(period)s for %(channel)s"),
    }
    values = {"amount": amount, "period": limit.get_period_display(), "channel": str(CHANNELS.get(limit.channel, ""))}
    return words[Scope(limit.scope)] % values


def ledger_sum(limit: SpendLimit, starts_on: date, zone: str) -> Decimal:
    """What the ledger holds for one window of a limit, in the limit's currency; what has no price counts nothing."""
    start, end = window_bounds(limit.period, starts_on, zone)
    rows = LedgerEntry.objects.filter(
        tenant_id=limit.tenant_id, started_at__gte=start, started_at__lt=end, currency=limit.currency
    )
    if limit.scope == Scope.AGENT:
        rows = rows.filter(agent_id=limit.agent_id)
    elif limit.scope == Scope.CHANNEL:
        rows = rows.filter(channel=limit.channel)
    return rows.order_by().aggregate(sum=Sum("total_known"))["sum"] or Decimal(0)
