"""Staff charge a company in another currency: what stays, what begins, who may, and what the company reads of it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from auditlog.models import LogEntry
from django.test import Client
from django_tenants.utils import tenant_context

from apps.billing.models import BillingProfile, Invoice, Plan, PriceBook, SpendLimit, StaffAct, Subscription
from apps.billing.selectors.plans import meter_use, plan_preview
from apps.billing.selectors.prices import priced_at, tenant_currency
from apps.billing.services.credits import credit_grant
from apps.billing.services.currencies import CurrencyRefused, currency_change
from apps.billing.services.invoice_runs import invoices_run
from apps.billing.services.plans import PlanRefused
from apps.tenants.models import Membership, Role, Tenant, User
from tests.billing.invoice_side import AFTER, NOVEMBER, entry_make, on_plan
from tests.staff.conftest import root as root
from tests.staff.conftest import staff as staff

pytestmark = pytest.mark.django_db
D = Decimal
PATH = "/staff/tenants/acme/currency"
NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _november(db: None) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def euro(db: None) -> Plan:
    """A price book and a plan in euros."""
    last = PriceBook.objects.order_by("-version")[0].version
    PriceBook.objects.create(version=last + 1, effective_from=datetime(2026, 1, 1, tzinfo=UTC), currency="EUR")
    return Plan.objects.create(code="team-eur", name="Team Euro", fee=D(60), currency="EUR")


def words(client: Client, path: str = PATH) -> str:
    return " ".join(client.get(path).content.decode().split())


def test_the_page_says_what_stays_before_it_is_done(staff: Client, acme: Tenant, euro: Plan) -> None:
    on_plan(acme, "team")
    entry_make(acme, "12.34", "2026-11-10")
    entry_make(acme, "99.00", "2026-10-10")
    credit_grant(tenant=acme, amount=D(7), currency="USD", reason="Sorry", by="root@meridian.test")
    SpendLimit.objects.create(tenant=acme, amount=D(5))
    assert "Team Euro" not in words(staff)
    said = words(staff, f"{PATH}?currency=EUR")
    assert "Usage so far, $12.34 this month, is invoiced in USD on an invoice of its own" in said
    assert "Team ends today" in said and "Credits of $7.00 are taken off invoices in USD alone" in said
    assert "1 limit in USD stops nothing any more" in said and "Team Euro, €60.00 a month" in said
    assert tenant_currency(acme) == "USD", "nothing is done yet"


def test_with_a_plan_and_a_reason_it_is_done_and_written_down(staff: Client, acme: Tenant, euro: Plan, root: User) -> None:
    on_plan(acme, "team", seats=4)
    entry_make(acme, "12.34", "2026-11-10")
    answer = staff.post(PATH, {"currency": "EUR", "plan": "team-eur", "reason": "They moved to Berlin."}, follow=True)
    assert "Acme is charged in EUR from now on." in answer.content.decode()
    assert priced_at(acme, NOW, ["gpt-4o-mini"]).currency == "EUR"
    rows = Subscription.objects.filter(tenant=acme).order_by("started_on").values_list("plan__code", "seats", "ended_on")
    assert list(rows) == [("team", 4, date(2026, 11, 16)), ("team-eur", 4, None)]
    act = StaffAct.objects.get(kind="currency")
    assert (act.subject, act.reason, act.by) == ("USD to EUR, plan: Team Euro", "They moved to Berlin.", root.email)
    with tenant_context(acme):
        told = LogEntry.objects.get_for_object(BillingProfile.objects.get(tenant=acme)).get(action=LogEntry.Action.UPDATE)
    assert (told.changes["currency"], told.actor_email) == (["USD", "EUR"], root.email)
    with time_machine.travel(AFTER, tick=False):
        made = {row.currency: row.total for row in invoices_run(month=NOVEMBER).rows}
    assert made == {"EUR": D("30.00"), "USD": D("24.50")}  # half of each fee; half of Team's minutes cover the call
    assert Invoice.objects.count() == 2


def test_without_a_plan_the_old_one_ends(staff: Client, acme: Tenant, euro: Plan) -> None:
    on_plan(acme, "team")
    staff.post(PATH, {"currency": "EUR", "plan": "-", "reason": "Usage alone."})
    assert tenant_currency(acme) == "EUR"
    assert Subscription.objects.get(tenant=acme).ended_on == date(2026, 11, 16)


@pytest.mark.parametrize("given", [{"plan": "team-eur"}, {"reason": "Because."}, {"plan": "team", "reason": "In dollars."}])
def test_half_a_form_changes_nothing(staff: Client, acme: Tenant, euro: Plan, given: dict[str, str]) -> None:
    assert staff.post(PATH, {"currency": "EUR", **given}).status_code == 422
    assert tenant_currency(acme) == "USD" and not StaffAct.objects.exists()


def test_a_currency_without_prices_is_not_offered(staff: Client, acme: Tenant) -> None:
    assert "USD is the only currency with a price book in effect" in words(staff)
    assert staff.post(PATH, {"currency": "JPY", "plan": "-", "reason": "x"}).status_code == 422
    with pytest.raises(CurrencyRefused, match="No price book in JPY is in effect"):
        currency_change(tenant=acme, currency="JPY", plan=None)


def test_a_coming_price_book_does_not_count_yet(acme: Tenant) -> None:
    PriceBook.objects.create(version=99, effective_from=datetime(2026, 11, 17, tzinfo=UTC), currency="EUR")
    with pytest.raises(CurrencyRefused, match="No price book in EUR is in effect"):
        currency_change(tenant=acme, currency="EUR", plan=None)


def test_what_does_not_fit_is_refused_as_a_whole(acme: Tenant, euro: Plan) -> None:
    with pytest.raises(CurrencyRefused, match="is charged in USD already"):
        currency_change(tenant=acme, currency="USD", plan=None)
    with pytest.raises(CurrencyRefused, match="Team is sold in USD; choose a plan in EUR"):
        currency_change(tenant=acme, currency="EUR", plan=Plan.objects.get(code="team"))
    begin, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    Invoice.objects.create(
        tenant=acme, number="INV-1", month=NOVEMBER, period_start=begin, period_end=end, currency="USD", state="open"
    )
    with pytest.raises(PlanRefused, match="November 2026 is invoiced already"):
        currency_change(tenant=acme, currency="EUR", plan=euro)
    assert tenant_currency(acme) == "USD"


def test_there_and_back_on_one_day(acme: Tenant, euro: Plan) -> None:
    on_plan(acme, "team")
    currency_change(tenant=acme, currency="EUR", plan=euro)
    currency_change(tenant=acme, currency="USD", plan=Plan.objects.get(code="team"), seats=5)
    assert tenant_currency(acme) == "USD"
    with time_machine.travel(AFTER, tick=False):
        assert [(row.currency, row.total) for row in invoices_run(month=NOVEMBER).rows] == [("USD", D("49.00"))]


def test_fees_of_two_currencies_are_never_added_up(acme: Tenant, euro: Plan, client_for: Any, alice: User) -> None:
    on_plan(acme, "team")
    currency_change(tenant=acme, currency="EUR", plan=euro)
    preview = plan_preview(acme, euro, 2, date(2026, 11, 16))
    assert (preview.total, preview.before, preview.sums) == (D("30.00"), D("30.00"), {"USD": D("24.50"), "EUR": D("30.00")})
    entry_make(acme, "5.00", "2026-11-10", seconds="600")
    entry_make(acme, "5.00", "2026-11-16", seconds="60", currency="EUR")
    used = {row.meter: (row.used, row.included) for row in meter_use(acme, NOVEMBER)}
    assert used["call_minutes"] == (1, 0), "what dollars covered, or the plan in them, is of the other invoice"
    assert "€30.00, $24.50" in words(client_for(alice, "acme"), "/billing/plan/")


def test_the_company_reads_its_currency_and_cannot_change_it(client_for: Any, acme: Tenant, alice: User) -> None:
    client = client_for(alice, "acme")
    assert "You are charged in USD" in words(client, "/billing/details/")
    client.post("/billing/details/", {"legal_name": "Acme", "currency": "EUR"})
    assert tenant_currency(acme) == "USD" and BillingProfile.objects.get(tenant=acme).legal_name == "Acme"


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.FINANCE, Role.SUPERVISOR, Role.AGENT])
def test_nobody_of_a_company_may(client_for: Any, acme: Tenant, euro: Plan, alice: User, charlie: User, role: Role) -> None:
    Membership.objects.filter(user=alice).update(role=role)
    for person in (alice, charlie):
        for host in ("", "acme", "globex"):
            given = {"currency": "EUR", "plan": "-", "reason": "Mine."}
            assert client_for(person, host).post(PATH, given).status_code == 404
            assert client_for(person, host).get(PATH).status_code == 404
    assert tenant_currency(acme) == "USD"


def test_nobody_is_there_who_is_not(staff: Client) -> None:
    assert staff.get("/staff/tenants/nobody/currency").status_code == 404
    assert staff.get("/staff/tenants/public/currency").status_code == 404
