"""Reads of plans, and of how much of them is used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from django.db import connection
from django.db.models import Prefetch, Q, QuerySet

from apps.billing.models import Meter, Plan, PlanInclusion, SourceType, Subscription
from apps.billing.months import month_bounds, month_first, month_next
from apps.billing.proration import Share, included_in, rows_changed, rows_with_seats, shares_of, subscription_at
from apps.billing.rounding import rounded_to
from apps.billing.selectors.prices import tenant_currency
from apps.core.currencies import sums_of
from apps.tenants.models import Tenant

USED = """
SELECT source_type, count(*), coalesce(sum(seconds), 0) FROM (
    SELECT source_type, sum(duration) AS seconds
    FROM billing_ledgerentry WHERE tenant_id = %s AND started_at >= %s AND started_at < %s AND currency = %s
    GROUP BY source_type, source_id HAVING sum(total_known) <> 0
) AS things GROUP BY source_type
"""
METERED = {Meter.CALL_MINUTES: SourceType.CALL, Meter.AI_TURNS: SourceType.TURN, Meter.MESSAGES: SourceType.MESSAGE}


@dataclass(frozen=True)
class MeterUse:
    """How much of a meter was used in a month, and how much of it the plan includes (by days, where it changed)."""

    meter: Meter
    used: Decimal
    included: Decimal

    @property
    def above(self) -> Decimal:
        """What was used beyond it, and is charged."""
        return max(Decimal(0), self.used - self.included)

    @property
    def shown(self) -> Decimal:
        """How far a bar of what is included is filled."""
        return min(self.used, self.included)


@dataclass(frozen=True)
class FeeLine:
    """A plan's days of a month and what they cost, rounded to what can be paid."""

    plan: Plan
    seats: int
    extra_seats: int
    days: int
    fee_days: int
    month_days: int
    fee: Decimal
    seats_fee: Decimal


@dataclass(frozen=True)
class PlanOffer:
    """A plan to choose, with what it includes and the seats that are suggested."""

    plan: Plan
    inclusions: list[PlanInclusion]
    seats: int
    chosen: bool


@dataclass(frozen=True)
class PlanPreview:
    """This month's fees if a change were made, and as things are: those in `currency`, though `lines` may have others too."""

    lines: list[FeeLine]
    total: Decimal
    before: Decimal
    next_month: Decimal
    currency: str

    @property
    def difference(self) -> Decimal:
        return self.total - self.before

    @property
    def sums(self) -> dict[str, Decimal]:
        """What all lines come to, by currency."""
        return fee_sums(self.lines)


def plans_offered(currency: str = "USD") -> QuerySet[Plan]:
    """The plans that a tenant can choose, cheapest first, with what they include."""
    found = Plan.objects.filter(offered=True, currency=currency).order_by("fee", "code")
    return found.prefetch_related(Prefetch("inclusions", PlanInclusion.objects.order_by("meter")))


def subscription_on(tenant: Tenant, day: date) -> Subscription | None:
    """The plan that a tenant is on at a day of its time zone."""
    running = Q(ended_on__isnull=True) | Q(ended_on__gt=day)
    found = Subscription.objects.filter(running, tenant=tenant, started_on__lte=day).select_related("plan")
    return found.order_by("-started_on").first()


def subscription_next(tenant: Tenant, day: date) -> Subscription | None:
    """The row that begins after a day, such as the free plan after a trial."""
    found = Subscription.objects.filter(tenant=tenant, started_on__gt=day).select_related("plan")
    return found.order_by("started_on").first()


def month_shares(tenant: Tenant, month: date, currency: str = "") -> list[Share]:
    """What of a month each of a tenant's plans covers; with a currency only of those that are sold in it."""
    running = Q(ended_on__isnull=True) | Q(ended_on__gt=month_first(month))
    rows = Subscription.objects.filter(running, tenant=tenant, started_on__lt=month_next(month)).select_related("plan")
    return [share for share in shares_of(month, rows) if currency in ("", share.subscription.plan.currency)]


def month_allowances(shares: Iterable[Share]) -> dict[str, Fraction]:
    """How much of each meter a month includes: minutes, answers, messages."""
    shares = list(shares)
    rows = PlanInclusion.objects.filter(plan__in={share.subscription.plan_id for share in shares})
    return included_in(shares, {(row.plan_id, row.meter): row.quantity for row in rows}) if shares else {}


def meter_use(tenant: Tenant, month: date) -> list[MeterUse]:
    """What was used of each meter in a month so far, in the tenant's own currency; what cost nothing does not count."""
    currency = tenant_currency(tenant)
    allowances = month_allowances(month_shares(tenant, month, currency))
    with connection.cursor() as cursor:
        cursor.execute(USED, [tenant.pk, *month_bounds(month, tenant.timezone), currency])
        used = {source: (Decimal(things), seconds / 60) for source, things, seconds in cursor.fetchall()}
    nothing = (Decimal(0), Decimal(0))
    return [
        MeterUse(meter, used.get(source, nothing)[meter == Meter.CALL_MINUTES], _places(allowances.get(meter)))
        for meter, source in METERED.items()
    ]


def plan_preview(tenant: Tenant, plan: Plan, seats: int, day: date) -> PlanPreview:
    """What this month's and the next month's fees are if a plan began on a day, and this month's as things are."""
    before = _rows(tenant)
    return _preview(before, rows_changed(before, plan, seats, day), day, plan.currency)


def seat_preview(tenant: Tenant, seats: int, day: date) -> PlanPreview | None:
    """As plan_preview, for more seats of the plan there is, which leaves a trial and what follows it; None without a plan."""
    before = _rows(tenant)
    now = subscription_at(before, day)
    if now is None:
        return None
    after = [row for row in before if row is not now] + rows_with_seats(before, seats, day)
    return _preview(before, after, day, now.plan.currency)


def month_fees(tenant: Tenant, month: date) -> list[FeeLine]:
    """What a month's plans cost as things are."""
    return [_fee_line(share) for share in month_shares(tenant, month)]


def fee_sums(lines: Iterable[FeeLine]) -> dict[str, Decimal]:
    """Fees added up by currency."""
    return sums_of((line.plan.currency, line.fee + line.seats_fee) for line in lines)


def plan_offers(currency: str, people: int, now: Subscription | None) -> list[PlanOffer]:
    """The plans to choose from; the seats suggested are those there are now, or enough for the people who work there."""
    offers = []
    for plan in plans_offered(currency):
        chosen = bool(now and now.plan_id == plan.pk)
        seats = now.seats if chosen and now else max(people, plan.included_seats, 1)
        inclusions = sorted(plan.inclusions.all(), key=lambda row: Meter.values.index(row.meter))
        offers.append(PlanOffer(plan, inclusions, seats, chosen))
    return offers


def _preview(before: list[Subscription], after: list[Subscription], day: date, currency: str) -> PlanPreview:
    month = month_first(day)
    lines = [_fee_line(share) for share in shares_of(month, after)]
    now = [_fee_line(share) for share in shares_of(month, before)]
    later = [_fee_line(share) for share in shares_of(month_next(month), after)]
    total, as_it_is, next_month = (fee_sums(rows).get(currency, Decimal(0)) for rows in (lines, now, later))
    return PlanPreview(lines, total, as_it_is, next_month, currency)


def _rows(tenant: Tenant) -> list[Subscription]:
    return list(Subscription.objects.filter(tenant=tenant).select_related("plan").order_by("started_on"))


def _fee_line(share: Share) -> FeeLine:
    plan, currency = share.subscription.plan, share.subscription.plan.currency
    fees = rounded_to(share.fee(), currency), rounded_to(share.seats_fee(), currency)
    days = share.days, share.fee_days, share.month_days
    return FeeLine(plan, share.subscription.seats, share.extra_seats, *days, *fees)


def _places(value: Fraction | None) -> Decimal:
    return Decimal(0) if value is None else Decimal(round(value * 1_000_000)).scaleb(-6)
