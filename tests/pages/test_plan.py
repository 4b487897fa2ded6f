"""The plan and the details of invoices: seen, previewed, changed; by role, from outside, and by API."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from auditlog.models import LogEntry
from django.test import Client
from django_tenants.utils import tenant_context

from apps.billing.models import BillingProfile, Plan, Subscription
from apps.billing.services.plans import plan_retire, trial_start
from apps.tenants.keys import api_key_create
from apps.tenants.models import Membership, Role, Tenant, User
from tests.addresses import at
from tests.billing.invoice_side import entry_make, on_plan

ClientFor = Callable[[User | None, str], Client]
DETAILS = {
    "legal_name": "Acme GmbH",
    "email": "invoices@acme.test",
    "line1": "Hafenstraße 1",
    "line2": "",
    "postal_code": "20457",
    "city": "Hamburg",
    "state": "",
    "country": "DE",
    "tax_id_type": "eu_vat",
    "tax_id": "de 123 456 789",
}
API = "/api/v1/billing"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_the_eleventh() -> Any:
    with time_machine.travel(datetime(2026, 11, 11, 12, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def program(acme: Tenant) -> Client:
    _, key = api_key_create(tenant=acme, name="ERP", scopes=["billing:write"])
    return Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})


def test_without_a_plan_one_can_be_chosen(admin: Client) -> None:
    page = admin.get(at("billing-plan")).content.decode()
    assert "No plan yet" in page and "Choose Team" in page and "300 call minutes" in page


def test_the_plan_and_what_is_used_of_it(admin: Client, acme: Tenant) -> None:
    on_plan(acme, "starter")
    entry_make(acme, "2.00", "2026-11-05", seconds="2700")
    entry_make(acme, "0.10", "2026-10-05", seconds="6000")
    entry_make(acme, "0.00", "2026-11-05", source="message")
    page = admin.get(at("billing-plan")).content.decode()
    assert "45 of 30 call minutes" in page and "15 above what is included" in page and "0 of 50 WhatsApp messages" in page
    assert "Your plan" in page and "30 of 30" in page


def test_another_companys_usage_is_not_counted(admin: Client, acme: Tenant, globex: Tenant) -> None:
    on_plan(acme, "starter")
    entry_make(globex, "2.00", "2026-11-05", seconds="600")
    assert "0 of 30 call minutes" in admin.get(at("billing-plan")).content.decode()


def test_a_trial_says_when_it_is_over_and_what_then(admin: Client, acme: Tenant) -> None:
    trial_start(tenant=acme)
    page = admin.get(at("billing-plan")).content.decode()
    assert "You try Team without a fee. From 25 November 2026 you are on Starter" in page
    assert "Keep Team" in page and "Change seats" not in page


def test_a_change_is_shown_before_it_is_made(admin: Client, acme: Tenant) -> None:
    on_plan(acme, "team")
    page = admin.get(at("billing-plan-change"), {"plan": "business", "seats": "22"}).content.decode()
    for amount in ("$16.33", "$199.33", "$13.33", "$228.99", "$49.00", "$319.00"):
        assert amount in page, amount
    assert Subscription.objects.get(tenant=acme).ended_on is None
    answer = admin.post(at("billing-plan-change"), {"plan": "business", "seats": "22"})
    assert answer.status_code == 302 and answer["Location"] == at("billing-plan")
    rows = (
        Subscription.objects.filter(tenant=acme)
        .order_by("started_on")
        .values_list("plan__code", "seats", "started_on", "ended_on")
    )
    assert list(rows) == [
        ("team", 5, date(2026, 1, 1), date(2026, 11, 11)),
        ("business", 22, date(2026, 11, 11), None),
    ]
    with tenant_context(acme):
        assert LogEntry.objects.filter(content_type__model="subscription", actor__email="alice@acme.test").exists()


def test_too_few_seats_are_refused(admin: Client, acme: Tenant) -> None:
    people = Membership.objects.filter(tenant=acme).count()
    answer = admin.post(at("billing-plan-change"), {"plan": "team", "seats": str(people - 1)})
    assert answer.status_code == 422 and f"{people} people work here" in answer.content.decode()
    assert not Subscription.objects.exists()


@pytest.mark.parametrize("given", [{}, {"plan": "nothing", "seats": "5"}, {"plan": "team", "seats": "5"}])
def test_a_plan_that_is_not_offered(admin: Client, given: dict[str, str]) -> None:
    plan_retire(plan=Plan.objects.get(code="team"))
    for ask in (admin.get, admin.post):
        answer = ask(at("billing-plan-change"), given)
        assert answer.status_code == 302 and answer["Location"] == at("billing-plan")
    assert not Subscription.objects.exists()


def test_details_are_kept_checked_and_audited(admin: Client, acme: Tenant) -> None:
    assert admin.post(at("billing-details"), DETAILS).status_code == 302
    profile = BillingProfile.objects.get(tenant=acme)
    assert (profile.legal_name, profile.tax_id) == ("Acme GmbH", "DE123456789")
    assert "Hafenstraße 1" in admin.get(at("billing-details")).content.decode()
    with tenant_context(acme):
        entry = LogEntry.objects.filter(content_type__model="billingprofile", action=LogEntry.Action.UPDATE).latest("timestamp")
    assert entry.changes_dict["legal_name"] == ["", "Acme GmbH"]
    assert admin.post(at("billing-details"), {**DETAILS, "tax_id_type": "", "tax_id": ""}).status_code == 302
    profile.refresh_from_db()
    assert (profile.tax_id_type, profile.tax_id) == ("", "")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tax_id": "12"}, "one looks like DE123456789"),
        ({"tax_id": ""}, "Write the number"),
        ({"tax_id_type": ""}, "Choose what kind"),
        ({"tax_id_type": "gb_vat"}, "one looks like GB123456789"),
        ({"email": "nobody"}, "valid email"),
        ({"country": "XX"}, "valid choice"),
    ],
)
def test_details_that_are_wrong(admin: Client, change: dict[str, str], sentence: str) -> None:
    answer = admin.post(at("billing-details"), {**DETAILS, **change})
    assert answer.status_code == 422 and sentence in answer.content.decode()
    assert not BillingProfile.objects.exists()


@pytest.mark.parametrize("name", ["billing-plan", "billing-plan-change", "billing-details"])
def test_who_sees_it(client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User, name: str) -> None:
    assert client_for(bob, "acme").get(at(name)).status_code == 403
    assert client_for(charlie, "acme").get(at(name)).status_code == 404
    assert client_for(None, "acme").get(at(name)).status_code == 302
    for role, seen in ((Role.FINANCE, True), (Role.OWNER, True), (Role.SUPERVISOR, False)):
        Membership.objects.filter(tenant=acme, user=bob).update(role=role)
        assert (client_for(bob, "acme").get(at(name)).status_code != 403) is seen


def test_strangers_change_nothing(client_for: ClientFor, bob: User, charlie: User) -> None:
    for user, status in ((bob, 403), (charlie, 404)):
        client = client_for(user, "acme")
        assert client.post(at("billing-plan-change"), {"plan": "team", "seats": "9"}).status_code == status
        assert client.post(at("billing-details"), DETAILS).status_code == status
    assert not Subscription.objects.exists() and not BillingProfile.objects.exists()


class TestAPI:
    def test_plans(self, program: Client) -> None:
        rows = program.get(f"{API}/plans").json()
        assert [row["code"] for row in rows] == ["starter", "team", "business"]
        assert rows[1]["fee"] == "49.000000" and {"meter": "messages", "quantity": "200.000000"} in rows[1]["inclusions"]

    def test_the_plan_and_a_change(self, program: Client, acme: Tenant) -> None:
        assert program.get(f"{API}/plan").json()["subscription"] is None
        asked = {"plan": "team", "seats": 7}
        preview = program.get(f"{API}/plan/preview", asked).json()
        assert (preview["total"], preview["before"], preview["next_month"]) == ("48.670000", "0.000000", "73.000000")
        answer = program.post(f"{API}/plan", asked, content_type="application/json").json()
        assert answer["subscription"] == {
            "plan": "team",
            "seats": 7,
            "started_on": "2026-11-11",
            "ended_on": None,
            "trial_until": None,
        }
        assert answer["fees"][0]["fee_days"] == 20 and answer["meters"][0]["included"] == "200.000000"
        assert Subscription.objects.get(tenant=acme).seats == 7

    @pytest.mark.parametrize(
        ("asked", "status", "code"),
        [
            ({"plan": "team", "seats": 1}, 422, "seats_too_few"),
            ({"plan": "gold", "seats": 9}, 422, "plan_unknown"),
            ({"plan": "team", "seats": 0}, 400, "invalid"),
            ({}, 400, "invalid"),
        ],
    )
    def test_what_is_refused(self, program: Client, asked: dict[str, Any], status: int, code: str) -> None:
        for answer in (
            program.post(f"{API}/plan", asked, content_type="application/json"),
            program.get(f"{API}/plan/preview", asked),
        ):
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert not Subscription.objects.exists()

    def test_who_may(self, client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User) -> None:
        for path in ("plan", "plans", "plan/preview?plan=team&seats=5"):
            assert client_for(alice, "acme").get(f"{API}/{path}").status_code == 200
            assert client_for(bob, "acme").get(f"{API}/{path}").status_code == 403
            assert client_for(charlie, "acme").get(f"{API}/{path}").status_code in (403, 404)
            assert client_for(None, "acme").get(f"{API}/{path}").status_code in (401, 403)
        _, key = api_key_create(tenant=acme, name="Reader", scopes=["billing:read"])
        reader = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})
        assert reader.get(f"{API}/plan").status_code == 200
        answer = reader.post(f"{API}/plan", {"plan": "team", "seats": 5}, content_type="application/json")
        assert answer.status_code == 403 and answer.json()["code"] == "scope_missing"
        _, key = api_key_create(tenant=acme, name="Calls", scopes=["calls:read"])
        caller = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})
        assert caller.get(f"{API}/plan").status_code == 403
