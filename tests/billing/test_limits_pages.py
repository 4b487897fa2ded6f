"""The page and the API of limits: who sees them, what they say, and that every change can be undone."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_tenants.utils import schema_context, tenant_context

from apps.billing.models import BillingProfile, SpendLimit
from apps.compass.chat import refusal_of
from apps.tenants.keys import api_key_create
from apps.tenants.models import Role, Tenant
from apps.tenants.services import person_add
from tests.billing.limits import AGENT, limit, reserve, spend
from tests.compass.factories import agent_published

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("midday")]
PAGE, API = "/billing/limits/", "/api/v1/billing/limits"
ClientFor = Callable[[Any, str], Client]


@pytest.fixture
def finance(acme: Tenant, client_for: ClientFor) -> Client:
    fiona = person_add(tenant=acme, email="fiona@acme.test", role=Role.FINANCE, name="Fiona", password="a-test-password-1")
    return client_for(fiona.user, "acme")


def _post(client: Client, path: str, **values: str) -> Any:
    return client.post(path, values, follow=True)


def _undo(answer: Any) -> str:
    """Where the toast's button leads."""
    return str(json.loads(answer.headers["HX-Trigger"])["toast"]["undo"])


def test_only_those_who_look_after_money_come_in(
    client_for: ClientFor, alice: Any, bob: Any, charlie: Any, finance: Client, acme: Tenant
) -> None:
    mine = limit(acme)
    pages = [PAGE, f"{PAGE}new", f"{PAGE}{mine.pk}"]
    assert [client_for(alice, "acme").get(path).status_code for path in pages] == [200] * 3
    assert [finance.get(path).status_code for path in pages] == [200] * 3
    assert [client_for(bob, "acme").get(path).status_code for path in pages] == [403] * 3
    assert [client_for(charlie, "acme").get(path).status_code for path in pages] == [404] * 3
    assert client_for(None, "acme").get(PAGE).status_code == 302
    assert client_for(charlie, "globex").get(f"{PAGE}{mine.pk}").status_code == 404
    assert client_for(charlie, "globex").post(f"{PAGE}{mine.pk}/remove").status_code == 404
    assert client_for(bob, "acme").post(f"{PAGE}{mine.pk}/remove").status_code == 403
    assert SpendLimit.objects.get().active


def test_the_empty_page_says_what_a_limit_is_for(finance: Client) -> None:
    page = finance.get(PAGE).content.decode()
    assert "No limits yet" in page and "Add a limit" in page


def test_each_limit_shows_what_is_spent_held_and_left(finance: Client, acme: Tenant) -> None:
    limit(acme, "100")
    limit(acme, "10", scope="channel", channel="sip", period="day")
    spend(acme, "85.5")
    reserve(acme, "one", "4.5")
    page = finance.get(PAGE).content.decode()
    for words in ("The whole company", "$85.50", "$4.50", "Set aside for what runs", "Nearly reached", "Phone calls", "declined"):
        assert words in page
    assert '<rect width="85"' in page and '<rect x="85" width="4"' in page
    assert "Reached" not in page
    reserve(acme, "two", "50")
    assert "Reached" in finance.get(PAGE, headers={"HX-Request": "true"}).content.decode()


def test_a_limit_is_added_changed_and_both_are_undone(finance: Client, acme: Tenant) -> None:
    answer = _post(finance, f"{PAGE}new", what="channel:whatsapp", period="day", amount="12.50", reached="people")
    assert "The limit counts from now on." in answer.content.decode()
    mine = SpendLimit.objects.get()
    assert (mine.scope, mine.channel, mine.period, mine.amount, mine.reached) == (
        "channel",
        "whatsapp",
        "day",
        Decimal("12.5"),
        "people",
    )
    added = next(iter(answer.context["messages"])).extra_tags
    answer = _post(finance, f"{PAGE}{mine.pk}", amount="99", reached="refuse")
    changed = next(iter(answer.context["messages"])).extra_tags
    mine.refresh_from_db()
    assert (mine.amount, mine.reached) == (Decimal(99), "refuse")
    assert _post(finance, changed).status_code == 200
    mine.refresh_from_db()
    assert (mine.amount, mine.reached) == (Decimal("12.5"), "people")
    _post(finance, added)
    mine.refresh_from_db()
    assert not mine.active


def test_a_removed_limit_is_put_back(finance: Client, acme: Tenant) -> None:
    mine = limit(acme)
    answer = finance.post(f"{PAGE}{mine.pk}/remove", headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert "No limits yet" in finance.get(PAGE).content.decode()
    assert finance.post(_undo(answer), headers={"HX-Request": "true"}).status_code == 204
    assert SpendLimit.objects.get().active


def test_an_undo_from_before_the_currency_changed_is_refused(finance: Client, acme: Tenant) -> None:
    mine = limit(acme, "10")
    answer = _post(finance, f"{PAGE}{mine.pk}", amount="99", reached="people")
    changed = next(iter(answer.context["messages"])).extra_tags
    BillingProfile.objects.update_or_create(tenant=acme, defaults={"currency": "JPY"})
    assert "a limit in USD would count nothing. Set it in JPY." in _post(finance, changed).content.decode()
    mine.refresh_from_db()
    assert (mine.amount, mine.currency, mine.reached) == (Decimal(99), "USD", "people")


def test_a_limit_set_in_a_new_currency_offers_no_way_back_to_the_old_one(finance: Client, acme: Tenant) -> None:
    mine = limit(acme, "10")
    BillingProfile.objects.update_or_create(tenant=acme, defaults={"currency": "JPY"})
    answer = _post(finance, f"{PAGE}{mine.pk}", amount="1500", reached="refuse")
    (said,) = answer.context["messages"]
    assert (str(said), said.extra_tags) == ("The limit is changed.", "")
    mine.refresh_from_db()
    assert (mine.amount, mine.currency) == (Decimal(1500), "JPY")


def test_a_form_that_was_read_in_another_currency_is_shown_again(finance: Client, acme: Tenant) -> None:
    mine = limit(acme, "10")
    page = finance.get(f"{PAGE}{mine.pk}").content.decode()
    assert 'name="currency" value="USD"' in page and 'value="10"' in page
    BillingProfile.objects.update_or_create(tenant=acme, defaults={"currency": "JPY"})
    given = {"amount": "20", "reached": "people", "currency": "USD"}
    answer = finance.post(f"{PAGE}{mine.pk}", given)
    said = answer.content.decode()
    assert answer.status_code == 422 and "charged in JPY by now, no longer in USD" in said and 'value="JPY"' in said
    assert finance.post(f"{PAGE}new", {**given, "what": "channel:sip", "period": "day"}).status_code == 422
    mine.refresh_from_db()
    assert (mine.amount, mine.currency) == (Decimal(10), "USD") and SpendLimit.objects.count() == 1
    assert 'value="10"' not in finance.get(f"{PAGE}{mine.pk}").content.decode(), "dollars are no yen"
    assert finance.post(f"{PAGE}{mine.pk}", {**given, "currency": "JPY"}).status_code == 302


def test_an_undo_of_another_company_or_of_nobody_changes_nothing(
    finance: Client, acme: Tenant, client_for: ClientFor, charlie: Any
) -> None:
    mine = limit(acme)
    undo = _undo(finance.post(f"{PAGE}{mine.pk}/remove", headers={"HX-Request": "true"}))
    assert client_for(charlie, "globex").post(undo).status_code == 404
    forged = reverse("billing-limit-undo", args=["forged"], urlconf="config.urls_tenant")
    assert finance.post(forged, headers={"HX-Request": "true"}).status_code == 422
    assert not SpendLimit.objects.get().active


def test_what_is_refused_stands_at_its_field(finance: Client, acme: Tenant) -> None:
    answer = finance.post(f"{PAGE}new", {"what": "tenant", "period": "day", "amount": "-1", "reached": "refuse"})
    assert answer.status_code == 422 and "greater than or equal to 0" in answer.content.decode()
    answer = finance.post(f"{PAGE}new", {"what": f"agent:{AGENT}", "period": "day", "amount": "1", "reached": "refuse"})
    assert answer.status_code == 422 and not SpendLimit.objects.exists()


def test_an_agents_limit_is_chosen_by_its_name(finance: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        agent = agent_published()
    _post(finance, f"{PAGE}new", what=f"agent:{agent.pk}", period="month", amount="5", reached="refuse")
    assert SpendLimit.objects.get().agent_id == agent.pk
    assert agent.name in finance.get(PAGE).content.decode()


def test_a_limit_in_a_currency_of_earlier_says_that_it_counts_nothing(finance: Client, acme: Tenant) -> None:
    limit(acme)
    BillingProfile.objects.update_or_create(tenant=acme, defaults={"currency": "EUR"})
    page = finance.get(PAGE).content.decode()
    assert "Counts nothing" in page and "not charged in USD any more" in page


def _put(client: Client, **values: Any) -> Any:
    with schema_context("public"):
        return client.put(API, values, content_type="application/json")


def test_the_api_sets_lists_and_removes(acme: Tenant, client_for: ClientFor, alice: Any) -> None:
    client = client_for(alice, "acme")
    made = _put(client, period="month", amount="100")
    assert made.status_code == 201
    body = made.json()
    assert body["scope"] == "tenant" and body["left"] == "100.000000" and body["currency"] == "USD"
    spend(acme, "30")
    reserve(acme, "one", "5")
    assert _put(client, period="month", amount="200", reached="people").status_code == 200
    (listed,) = client.get(API).json()["limits"]
    assert (listed["id"], listed["spent"], listed["held"], listed["left"]) == (body["id"], "30.000000", "5.000000", "165.000000")
    assert listed["resets_at"].endswith("Z")
    assert client.delete(f"{API}/{body['id']}").status_code == 204
    assert client.delete(f"{API}/{body['id']}").status_code == 404
    assert client.get(API).json() == {"limits": []}


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({"period": "month", "amount": "5", "currency": "JPY"}, 422, "charged in USD"),
        ({"period": "month", "amount": "5", "scope": "agent"}, 422, "Choose the agent"),
        ({"period": "month", "amount": "5", "scope": "agent", "agent_id": AGENT}, 422, "no such agent"),
        ({"period": "year", "amount": "5"}, 400, "not right"),
        ({"period": "day", "amount": "-5"}, 400, "not right"),
        ({"period": "day"}, 400, "not right"),
    ],
)
def test_the_api_refuses_in_a_sentence(
    client_for: ClientFor, alice: Any, acme: Tenant, values: dict[str, str], status: int, words: str
) -> None:
    answer = _put(client_for(alice, "acme"), **values)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)
    assert not SpendLimit.objects.exists()


def test_the_api_by_role_and_by_key(acme: Tenant, client_for: ClientFor, bob: Any, charlie: Any, alice: Any) -> None:
    mine = limit(acme)
    assert client_for(bob, "acme").get(API).status_code == 403
    assert client_for(charlie, "acme").get(API).status_code == 403
    assert client_for(charlie, "globex").delete(f"{API}/{mine.pk}").status_code == 404
    reader = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {_key(acme, alice, 'billing:read')}"})
    assert reader.get(API).status_code == 200
    assert _put(reader, period="day", amount="1").json()["code"] == "scope_missing"
    writer = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {_key(acme, alice, 'billing:write')}"})
    assert _put(writer, period="day", amount="1").status_code == 201


def _key(tenant: Tenant, user: Any, scope: str) -> str:
    made = api_key_create(tenant=tenant, name=scope, scopes=[scope], created_by=user)
    return str(made[1])


def test_trials_and_checks_are_told_which_limit_it_is(acme: Tenant, client_for: ClientFor, alice: Any) -> None:
    with tenant_context(acme):
        agent = agent_published()
        assert refusal_of(agent.pk) == ""
        limit(acme, "0", period="day")
        assert refusal_of(agent.pk).startswith("The limit of $0.00 a day is reached.")
    with schema_context("public"):
        answer = client_for(alice, "acme").post(
            reverse("agent-try-chat", args=[agent.pk], urlconf="config.urls_tenant"), {"text": "Hello"}
        )
    assert "The limit of $0.00 a day is reached." in answer.content.decode()


def test_the_dashboard_shows_spend_against_the_limit(
    acme: Tenant, client_for: ClientFor, alice: Any, bob: Any, finance: Client
) -> None:
    assert "Spend against limit" not in finance.get("/").content.decode()
    limit(acme, "100")
    limit(acme, "10", scope="channel", channel="whatsapp")
    spend(acme, "40")
    page = finance.get("/").content.decode()
    assert "Spend against limit" in page and "$40.00 of $100.00" in page and "WhatsApp" not in page
    assert "Spend against limit" not in client_for(bob, "acme").get("/").content.decode()
    spend(acme, "10", channel="whatsapp")
    page = client_for(alice, "acme").get("/").content.decode()
    assert "WhatsApp" in page and "New calls and messages are declined politely." in page and "All limits" in page
