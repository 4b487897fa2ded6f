"""Who owes what, and since when; and whose trial is about to end."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.billing.models import Invoice, Plan, Subscription
from apps.billing.months import day_at
from apps.billing.proration import subscription_at
from apps.tenants.models import Tenant

TRIAL_TOLD = timedelta(days=7)


@dataclass(frozen=True)
class Owed:
    """A tenant's overdue invoices. `pay_url` is the page at Stripe of the `oldest` one, `sums` what is owed in each currency."""

    invoices: int
    amount: Decimal
    currency: str
    since: datetime | None
    pay_url: str
    oldest: UUID | None = None
    sums: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialEnding:
    """A trial's last days. `ends` is the first day that costs; `later` the plan that follows, where it is another one."""

    plan: Plan
    seats: int
    ends: date
    later: Plan | None


def trial_ending(tenant: Tenant) -> TrialEnding | None:
    """A trial that ends within TRIAL_TOLD, or None."""
    today = day_at(timezone.now(), tenant.timezone)
    rows = Subscription.objects.filter(tenant=tenant, trial_until__gt=today, trial_until__lte=today + TRIAL_TOLD)
    now = subscription_at(rows.select_related("plan"), today)
    if now is None or now.trial_until is None:
        return None
    follows = Subscription.objects.filter(tenant=tenant, started_on=now.trial_until).select_related("plan").first()
    later = follows.plan if follows and follows.plan_id != now.plan_id else None
    return TrialEnding(now.plan, now.seats, now.trial_until, later)


def owed_by(tenant: Tenant) -> Owed:
    """What is overdue, with what was written off and not forgiven; amounts in the currency of the oldest."""
    late = Q(state=Invoice.State.OPEN, due_at__lt=timezone.now()) | Q(state=Invoice.State.UNCOLLECTIBLE)
    rows = list(Invoice.objects.filter(late, tenant=tenant).order_by("due_at"))
    if not rows:
        return Owed(0, Decimal(0), "", None, "")
    oldest = rows[0]
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, Decimal(0)) + row.owed
    return Owed(len(rows), sums[oldest.currency], oldest.currency, oldest.due_at, oldest.hosted_url, oldest.pk, sums)
