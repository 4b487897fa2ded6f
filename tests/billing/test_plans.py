"""Plans and who is on them: rows that never overlap, trials, and companies that come, stop and come back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.billing.models import BillingProfile, Invoice, Plan, Subscription
from apps.billing.selectors.plans import month_allowances, month_shares, subscription_next, subscription_on
from apps.billing.services import price_book_create
from apps.billing.services.currencies import currency_change
from apps.billing.services.plans import (
    PlanRefused,
    plan_create,
    plan_retire,
    seats_add,
    subscription_change,
    subscription_end,
    subscription_start,
    trial_start,
)
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant
from apps.tenants.services import company_create
from apps.tenants.services_company import tenant_delete, tenant_restore, tenant_suspend

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
D = Decimal


def plan_of(code: str) -> Plan:
    return Plan.objects.get(code=code)


def rows(tenant: Tenant) -> list[tuple[str, int, str, str | None]]:
    found = Subscription.objects.filter(tenant=tenant).select_related("plan").order_by("started_on")
    return [(row.plan.code, row.seats, f"{row.started_on}", row.ended_on and f"{row.ended_on}") for row in found]


def overlapping(tenant: Tenant) -> bool:
    found = list(Subscription.objects.filter(tenant=tenant).order_by("started_on"))
    return any(a.ended_on is None or a.ended_on > b.started_on for a, b in pairwise(found))


@pytest.fixture(autouse=True)
def _on_the_tenth() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def test_plans_are_there_from_the_start() -> None:
    assert [plan.code for plan in Plan.objects.filter(offered=True)] == ["starter", "team", "business"]
    assert dict(plan_of("team").inclusions.values_list("meter", "quantity"))["call_minutes"] == 300


def test_a_change_ends_the_row_and_begins_the_next(acme: Tenant) -> None:
    subscription_start(tenant=acme, plan=plan_of("starter"), on=date(2026, 11, 1))
    subscription_change(tenant=acme, plan=plan_of("team"), seats=7)
    assert rows(acme) == [("starter", 2, "2026-11-01", "2026-11-10"), ("team", 7, "2026-11-10", None)]
    assert not overlapping(acme)


def test_a_second_change_on_the_same_day_replaces_the_first(acme: Tenant) -> None:
    subscription_start(tenant=acme, plan=plan_of("starter"), on=date(2026, 11, 1))
    subscription_change(tenant=acme, plan=plan_of("team"), seats=7)
    subscription_change(tenant=acme, plan=plan_of("business"), seats=20)
    assert rows(acme) == [("starter", 2, "2026-11-01", "2026-11-10"), ("business", 20, "2026-11-10", None)]


def test_the_same_again_changes_nothing(acme: Tenant) -> None:
    first = subscription_change(tenant=acme, plan=plan_of("team"), seats=5)
    assert subscription_change(tenant=acme, plan=plan_of("team"), seats=5).pk == first.pk


@pytest.mark.parametrize("days", [(3, 9, 5), (9, 3), (1, 1, 1), (28, 2, 15, 15, 7)])
def test_changes_in_any_order_never_overlap(acme: Tenant, days: tuple[int, ...]) -> None:
    for number, day in enumerate(days):
        plan = plan_of(("team", "business")[number % 2])
        subscription_change(tenant=acme, plan=plan, seats=number + 1, on=date(2026, 11, day))
        assert not overlapping(acme)
        assert Subscription.objects.filter(tenant=acme, ended_on=None).count() == 1
    assert subscription_on(acme, date(2026, 11, days[-1])).seats == len(days)  # type: ignore[union-attr]


def test_the_day_is_the_tenants_own(acme: Tenant) -> None:
    acme.timezone = "Pacific/Kiritimati"
    assert subscription_change(tenant=acme, plan=plan_of("team"), seats=5).started_on == date(2026, 11, 11)


def test_a_month_that_is_invoiced_stays(acme: Tenant) -> None:
    subscription_start(tenant=acme, plan=plan_of("team"), on=date(2026, 9, 1))
    values = {"period_start": NOON, "period_end": NOON, "currency": "USD"}
    Invoice.objects.create(tenant=acme, number="INV-1", month=date(2026, 10, 1), state="open", **values)
    for change in (
        lambda: subscription_change(tenant=acme, plan=plan_of("starter"), seats=2, on=date(2026, 10, 31)),
        lambda: subscription_end(tenant=acme, on=date(2026, 10, 31)),
    ):
        with pytest.raises(PlanRefused, match="October 2026 is invoiced already"):
            change()
    subscription_change(tenant=acme, plan=plan_of("starter"), seats=2, on=date(2026, 11, 1))
    assert rows(acme)[0][3] == "2026-11-01"


def test_what_is_refused(acme: Tenant) -> None:
    team = plan_of("team")
    with pytest.raises(PlanRefused, match="at least one seat"):
        subscription_change(tenant=acme, plan=team, seats=0)
    BillingProfile.objects.create(tenant=acme, currency="EUR")
    with pytest.raises(PlanRefused, match="sold in USD"):
        subscription_change(tenant=acme, plan=team, seats=5)
    BillingProfile.objects.update(currency="USD")
    subscription_start(tenant=acme, plan=team)
    with pytest.raises(PlanRefused, match="change it instead"):
        subscription_start(tenant=acme, plan=team)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"code": "team"}, "already"),
        ({"fee": D("1.001")}, "cannot be paid"),
        ({"currency": "JPY", "fee": D("0.5")}, "go by 1"),
        ({"fee": D("-1")}, "below 0"),
        ({"inclusions": {"faxes": D(1)}}, "faxes"),
        ({"inclusions": {"messages": D(0)}}, "more than 0"),
    ],
)
def test_a_plan_that_cannot_be_sold(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PermanentError, match=sentence):
        plan_create(**{"code": "new", "name": "New", "fee": D(10), **values})
    assert Plan.objects.count() == 3


def test_a_retired_plan_keeps_who_is_on_it(acme: Tenant) -> None:
    subscription_start(tenant=acme, plan=plan_of("team"))
    plan_retire(plan=plan_of("team"))
    assert subscription_on(acme, NOON.date()).plan.code == "team"  # type: ignore[union-attr]
    assert not Plan.objects.get(code="team").offered


def test_a_trial_costs_nothing_and_ends_on_the_free_plan(acme: Tenant) -> None:
    trial_start(tenant=acme)
    assert rows(acme) == [("team", 5, "2026-11-10", "2026-11-24"), ("starter", 2, "2026-11-24", None)]
    shares = month_shares(acme, date(2026, 11, 1))
    assert [(share.fee_days, share.fee()) for share in shares] == [(0, 0), (7, 0)]
    assert month_allowances(shares)["call_minutes"] == 300 * 14 / 30 + 30 * 7 / 30
    assert subscription_next(acme, NOON.date()).plan.code == "starter"  # type: ignore[union-attr]


def test_choosing_a_plan_in_the_trial_keeps_its_free_days(acme: Tenant) -> None:
    trial_start(tenant=acme)
    with time_machine.travel(datetime(2026, 11, 15, 12, tzinfo=UTC), tick=False):
        chosen = subscription_change(tenant=acme, plan=plan_of("business"), seats=20)
    assert rows(acme) == [("team", 5, "2026-11-10", "2026-11-15"), ("business", 20, "2026-11-15", None)]
    assert chosen.trial_until == date(2026, 11, 24)
    assert [share.fee_days for share in month_shares(acme, date(2026, 11, 1))] == [0, 7]


@pytest.mark.parametrize("plan", ["", "nothing"])
def test_an_installation_without_that_plan(acme: Tenant, settings: Any, plan: str) -> None:
    settings.SIGNUP_PLAN = plan
    assert trial_start(tenant=acme) is None
    assert rows(acme) == []


@pytest.mark.django_db(transaction=True)
def test_a_company_that_signs_up_and_is_deleted() -> None:
    company_create(slug="nordwind", name="Nordwind", email="ada@nordwind.test", person="Ada", password="blue-harbour-77")
    tenant = Tenant.objects.get(schema_name="nordwind")
    assert rows(tenant)[0] == ("team", 5, "2026-11-10", "2026-11-24")
    tenant_delete(tenant=tenant)
    assert rows(tenant) == [("team", 5, "2026-11-10", "2026-11-11")]


def test_sign_up_by_the_form(client_for: Any) -> None:
    client: Client = client_for(None, "")
    form = {"company": "Nord", "slug": "nord", "name": "Ada", "email": "ada@nord.test", "password": "blue-harbour-77"}
    assert client.post("/signup", form).status_code == 302
    assert rows(Tenant.objects.get(schema_name="nord"))[0][0] == "team"


def test_a_suspended_company_pays_to_that_day_and_comes_back_to_its_plan(acme: Tenant) -> None:
    subscription_start(tenant=acme, plan=plan_of("team"), seats=9, on=date(2026, 11, 1))
    tenant_suspend(tenant=acme)
    assert rows(acme) == [("team", 9, "2026-11-01", "2026-11-11")]
    with time_machine.travel(datetime(2026, 11, 20, tzinfo=UTC), tick=False):
        tenant_restore(tenant=acme)
        tenant_restore(tenant=acme)
    assert rows(acme) == [("team", 9, "2026-11-01", "2026-11-11"), ("team", 9, "2026-11-20", None)]


def _suspended(tenant: Tenant, since: int, until: int) -> None:
    """From one day of November to another."""
    with time_machine.travel(datetime(2026, 11, since, 12, tzinfo=UTC), tick=False):
        tenant_suspend(tenant=tenant)
    with time_machine.travel(datetime(2026, 11, until, 12, tzinfo=UTC), tick=False):
        tenant_restore(tenant=tenant)


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        (12, [("team", 6, "2026-11-13", "2026-11-24"), ("starter", 2, "2026-11-24", None)]),
        (20, [("team", 6, "2026-11-20", "2026-11-24"), ("starter", 2, "2026-11-24", None)]),
        (28, [("starter", 2, "2026-11-28", None)]),
    ],
)
def test_a_suspended_trial_never_becomes_a_plan_that_costs(acme: Tenant, back: int, expected: list[Any]) -> None:
    trial_start(tenant=acme)
    with time_machine.travel(datetime(2026, 11, 11, 12, tzinfo=UTC), tick=False):
        seats_add(tenant=acme)
    _suspended(acme, 12, back)
    assert rows(acme)[2:] == expected
    fees = [share.fee() + share.seats_fee() for month in (11, 12) for share in month_shares(acme, date(2026, month, 1))]
    assert sum(fees) == 0


def test_a_plan_that_was_chosen_comes_back_with_the_free_days_that_are_left(acme: Tenant) -> None:
    trial_start(tenant=acme)
    with time_machine.travel(datetime(2026, 11, 11, 12, tzinfo=UTC), tick=False):
        subscription_change(tenant=acme, plan=plan_of("business"), seats=20)
    _suspended(acme, 12, 20)
    assert rows(acme)[2:] == [("business", 20, "2026-11-20", None)]
    assert [share.fee_days for share in month_shares(acme, date(2026, 11, 1))] == [0, 0, 7]


def test_a_company_that_left_its_plan_for_another_currency_comes_back_without_one(acme: Tenant) -> None:
    price_book_create(effective_from=NOON - timedelta(days=1), prices=[], currency="EUR")
    subscription_start(tenant=acme, plan=plan_of("team"), on=date(2026, 11, 1))
    currency_change(tenant=acme, currency="EUR", plan=None)
    tenant_suspend(tenant=acme)
    tenant_restore(tenant=acme)
    acme.refresh_from_db()
    assert (acme.status, rows(acme)) == (Tenant.Status.ACTIVE, [("team", 5, "2026-11-01", "2026-11-10")])


def test_a_company_without_a_plan_comes_back_without_one(globex: Tenant) -> None:
    tenant_suspend(tenant=globex)
    tenant_restore(tenant=globex)
    assert rows(globex) == []
