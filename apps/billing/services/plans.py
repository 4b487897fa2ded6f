"""Every write to plans and to who is on them. A tenant's rows never overlap, and what was invoiced stays as it was."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.billing.locks import tenant_money_lock
from apps.billing.models import Invoice, Meter, Plan, PlanInclusion, Subscription
from apps.billing.months import day_at, month_next
from apps.billing.proration import rows_with_seats, subscription_at, trial_left
from apps.billing.rounding import payable_check
from apps.billing.selectors.prices import tenant_currency
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

LONGEST_TRIAL = timedelta(days=366)


class PlanRefused(PermanentError):
    """What cannot be done with a plan, as a sentence."""


def plan_create(
    *,
    code: str,
    name: str,
    fee: Decimal,
    currency: str = "USD",
    description: str = "",
    seat_price: Decimal = Decimal(0),
    included_seats: int = 0,
    trial_days: int = 0,
    offered: bool = True,
    inclusions: Mapping[str, Decimal] | None = None,
) -> Plan:
    """A new plan; `inclusions` are quantities a month by meter. Raises PermanentError when it cannot be sold like this."""
    payable_check(fee, currency)
    payable_check(seat_price, currency)
    _quantities_check(inclusions or {})
    if fee < 0 or seat_price < 0:
        raise PlanRefused("A fee cannot be below 0.")
    values = {"name": name, "description": description, "fee": fee, "currency": currency.upper(), "seat_price": seat_price}
    try:
        with transaction.atomic():
            plan = Plan.objects.create(code=code, included_seats=included_seats, trial_days=trial_days, offered=offered, **values)
            rows = [PlanInclusion(plan=plan, meter=meter, quantity=quantity) for meter, quantity in (inclusions or {}).items()]
            PlanInclusion.objects.bulk_create(rows)
    except IntegrityError:
        raise PlanRefused(f"There is a plan with the code “{code}” already; a plan that is in use keeps its prices.") from None
    return plan


def plan_retire(*, plan: Plan) -> Plan:
    """Nobody can choose it any more; whoever is on it stays."""
    plan.offered = False
    plan.save(update_fields=["offered"])
    return plan


@transaction.atomic
def subscription_start(
    *, tenant: Tenant, plan: Plan, seats: int = 0, on: date | None = None, trial_until: date | None = None
) -> Subscription:
    """Puts a tenant that has no plan on one; without a number of seats, on those that it includes.

    Days are those of the tenant's time zone. Raises PlanRefused when it is on a plan already.
    """
    day = on or tenant_today(tenant)
    tenant_money_lock(tenant)
    if subscription_at(_rows(tenant), day) is not None:
        raise PlanRefused("There is a plan already; change it instead.")
    return _put(tenant, plan, seats or max(1, plan.included_seats), day, trial_until)


@transaction.atomic
def subscription_change(*, tenant: Tenant, plan: Plan, seats: int, on: date | None = None) -> Subscription:
    """Another plan or other seats from a day on (today): the row before ends there, and one that began that day is replaced.

    Days of trial that are left stay free. Raises PlanRefused for another currency, and before what is invoiced already.
    """
    day = on or tenant_today(tenant)
    tenant_money_lock(tenant)
    now = subscription_at(_rows(tenant), day)
    if now and now.plan_id == plan.pk and now.seats == seats and now.ended_on is None:
        return now
    return _put(tenant, plan, seats, day, trial_left(now, day))


@transaction.atomic
def subscription_end(*, tenant: Tenant, on: date | None = None) -> None:
    """No plan from a day on; without one, from tomorrow. Raises PlanRefused before what is invoiced already."""
    day = on or tenant_today(tenant) + timedelta(days=1)
    tenant_money_lock(tenant)
    _uninvoiced_check(tenant, day)
    _clear(_rows(tenant), day)


def trial_start(*, tenant: Tenant) -> Subscription | None:
    """A new company tries SIGNUP_PLAN without a fee, and is then on the free plan unless it chooses another.

    Returns None where this installation has no such plan.
    """
    plan = Plan.objects.filter(code=settings.SIGNUP_PLAN, offered=True, currency=tenant_currency(tenant)).first()
    if plan is None:
        return None
    today = tenant_today(tenant)
    over = today + timedelta(days=plan.trial_days) if plan.trial_days else None
    with transaction.atomic():
        return _then_free(subscription_start(tenant=tenant, plan=plan, on=today, trial_until=over), _free_after(plan))


@transaction.atomic
def trial_extend(*, tenant: Tenant, until: date) -> Subscription:
    """No fee before a later day than now: a trial that runs goes on, else one begins today. What follows a trial moves along.

    Raises PlanRefused without a plan, for a day that is not later or too far away, and for a plan that ends before it.
    """
    tenant_money_lock(tenant)
    rows, today = _rows(tenant), tenant_today(tenant)
    now = subscription_at(rows, today)
    if now is None:
        raise PlanRefused("It is on no plan, so there is no fee to leave out. Put it on a plan first.")
    _trial_day_check(until, today, trial_left(now, today))
    if trial_left(now, today) is None:
        if now.ended_on is not None:
            raise PlanRefused(f"Its plan ends on {now.ended_on}; choose a plan that goes on first.")
        return _put(tenant, now.plan, now.seats, today, until)
    return _trial_move(rows, now, until)


@transaction.atomic
def seats_add(*, tenant: Tenant, count: int = 1) -> Subscription:
    """More seats from today on. Unlike a change of plan this leaves a trial, and the plan that follows it, as they are.

    Raises PlanRefused without a plan, and before what is invoiced already.
    """
    tenant_money_lock(tenant)
    rows, today = _rows(tenant), tenant_today(tenant)
    if subscription_at(rows, today) is None:
        raise PlanRefused("There is no plan to add seats to.")
    _uninvoiced_check(tenant, today)
    more = rows_with_seats(rows, count, today)
    for row in more:  # the shortened one first: only one row of a company may run without an end
        row.tenant = tenant
        row.save()
    return next(row for row in more if row.started_on <= today and (row.ended_on is None or row.ended_on > today))


@transaction.atomic
def plan_resume(*, tenant: Tenant) -> Subscription | None:
    """A company that comes back is on the plan that it had last, with the days of trial that are left. One that only tried it is
    on the free plan afterwards, as it would have been.

    Nothing happens where it has one, had none, or is charged in another currency since.
    """
    tenant_money_lock(tenant)
    rows, today = _rows(tenant), tenant_today(tenant)
    if not rows or subscription_at(rows, today + timedelta(days=1)) is not None:
        return None
    last = rows[-1]
    if last.plan.currency != tenant_currency(tenant):
        return None
    day = max(today, last.ended_on or today)
    trial = trial_left(last, day)
    free = _free_after(last.plan) if _only_tried(rows) else None
    if free and trial is None:
        return _put(tenant, free, max(1, free.included_seats), day, None)
    return _then_free(_put(tenant, last.plan, last.seats, day, trial), free)


def _free_after(plan: Plan) -> Plan | None:
    """The plan without a fee that follows a trial of another."""
    return Plan.objects.filter(fee=0, offered=True, currency=plan.currency).exclude(pk=plan.pk).first()


def _then_free(begun: Subscription, free: Plan | None) -> Subscription:
    """The plan begun, with the free one after its trial; without either of the two it stays as it is."""
    if free and begun.trial_until:
        _put(begun.tenant, free, max(1, free.included_seats), begun.trial_until, None)
        begun.refresh_from_db()
    return begun


def _only_tried(rows: list[Subscription]) -> bool:
    """It never had another plan than the one of its sign-up, and left that within the trial."""
    first, last = rows[0], rows[-1]
    left = last.trial_until and last.ended_on and last.ended_on <= last.trial_until
    return bool(left) and all((row.plan_id, row.trial_until) == (first.plan_id, last.trial_until) for row in rows)


def tenant_today(tenant: Tenant) -> date:
    """Which day it is where the tenant is."""
    return day_at(timezone.now(), tenant.timezone)


def _rows(tenant: Tenant) -> list[Subscription]:
    return list(Subscription.objects.filter(tenant=tenant).select_related("plan").order_by("started_on", "created_at"))


def _put(tenant: Tenant, plan: Plan, seats: int, day: date, trial_until: date | None) -> Subscription:
    if seats < 1:
        raise PlanRefused("A plan needs at least one seat.")
    if plan.currency != tenant_currency(tenant):
        raise PlanRefused(f"{plan.name} is sold in {plan.currency}, and this company is billed in {tenant_currency(tenant)}.")
    _uninvoiced_check(tenant, day)
    _clear(_rows(tenant), day)
    return Subscription.objects.create(tenant=tenant, plan=plan, seats=seats, started_on=day, trial_until=trial_until)


def _clear(rows: list[Subscription], day: date) -> None:
    """Ends what covers the day, and takes away what would begin on it or later."""
    for row in rows:
        if row.started_on >= day:
            row.delete()
        elif row.ended_on is None or row.ended_on > day:
            row.ended_on = day
            row.save(update_fields=["ended_on"])


def _trial_day_check(until: date, today: date, left: date | None) -> None:
    if left is not None and until <= left:
        raise PlanRefused(f"There is no fee before {left} as it is; choose a later day.")
    if until <= today:
        raise PlanRefused(f"Choose a day after {today}, which is today where the company is.")
    if until > today + LONGEST_TRIAL:
        raise PlanRefused(f"A trial lasts {LONGEST_TRIAL.days} days at most; choose a day until {today + LONGEST_TRIAL}.")


def _trial_move(rows: list[Subscription], now: Subscription, until: date) -> Subscription:
    """The row's trial, its end and what follows it, where that would begin before the new day."""
    if now.ended_on is not None and now.ended_on < until:
        follows = next((row for row in rows if row.started_on == now.ended_on), None)
        if follows is None or (follows.ended_on is not None and follows.ended_on <= until):
            raise PlanRefused(f"Its plan ends on {now.ended_on}; choose a plan that goes on first.")
        now.ended_on = follows.started_on = until
        follows.save(update_fields=["started_on"])
    now.trial_until = until
    now.save(update_fields=["trial_until", "ended_on"])
    return now


def _uninvoiced_check(tenant: Tenant, day: date) -> None:
    sent = Invoice.objects.filter(tenant=tenant).exclude(state__in=(Invoice.State.DRAFT, Invoice.State.VOID))
    last = sent.order_by("-month").values_list("month", flat=True).first()
    if last and day < month_next(last):
        raise PlanRefused(f"{last:%B %Y} is invoiced already; the earliest day to change from is {month_next(last)}.")


def _quantities_check(inclusions: Mapping[str, Decimal]) -> None:
    for meter, quantity in inclusions.items():
        if meter not in Meter.values:
            raise PlanRefused(f"“{meter}” cannot be included; choose from {', '.join(Meter.values)}.")
        if quantity <= 0:
            raise PlanRefused("What is included has to be more than 0; leave out what is not.")
