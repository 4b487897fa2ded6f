"""Finance's pages: spending, usage, an entry, and who may see them."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django_tenants.utils import tenant_context
from time_machine import travel

from apps.billing.models import LedgerEntry
from apps.billing.selectors.spend import DaySpent, Spent
from apps.billing.services import call_bill
from apps.billing.services.corrections import entry_correct
from apps.billing.services.rollups import spend_fold
from apps.billing.spending import forecast
from apps.core.ids import uuid7
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.billing.factories import report_of
from tests.billing.invoice_side import entry_make
from tests.pages.factories import bill, call_make

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
PAGES = ("/billing/", "/billing/usage/", "/billing/invoices/", "/billing/exports/", "/billing/exports/file")


@pytest.fixture(autouse=True)
def _late_in_november(db: None) -> object:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def finance(acme: Tenant, client_for: ClientFor) -> Client:
    made = person_add(tenant=acme, email="fiona@acme.test", role=Role.FINANCE, name="Fiona")
    return client_for(made.user, "acme")


def billed(tenant: Tenant, *, days_ago: float = 1, **changes: object) -> LedgerEntry:
    started = NOW - timedelta(days=days_ago)
    report = report_of(started_at=started.isoformat(), ended_at=(started + timedelta(seconds=61.4)).isoformat(), **changes)
    return call_bill(tenant=tenant, call_id=report["call_id"], report=report).entry


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_pages_are_for_those_who_handle_money(client_for: ClientFor, bob: User, charlie: User, acme: Tenant) -> None:
    entry = billed(acme)
    for path in (*PAGES, f"/billing/usage/{entry.pk}/"):
        assert client_for(bob, "acme").get(path).status_code == 403
        assert client_for(charlie, "acme").get(path).status_code == 404
        assert client_for(None, "acme").get(path).status_code == 302


def test_another_companys_entry_is_not_there(finance: Client, globex: Tenant, charlie: User, client_for: ClientFor) -> None:
    entry = billed(globex)
    assert finance.get(f"/billing/usage/{entry.pk}/").status_code == 404
    assert "No usage matches" not in page(client_for(charlie, "globex"), "/billing/usage/")
    assert "Nothing used yet" in page(finance, "/billing/usage/")


def test_before_the_first_usage_a_page_says_what_will_be_there(finance: Client) -> None:
    assert "With your first call or message" in page(finance, "/billing/")
    assert "No invoices yet" in page(finance, "/billing/invoices/")


def test_spending_by_channel_with_its_finding(finance: Client, acme: Tenant) -> None:
    for _ in range(3):
        billed(acme, days_ago=2)
    billed(acme, days_ago=3, channel="sip")
    billed(acme, days_ago=40)
    spend_fold()
    billed(acme, days_ago=1)
    text = page(finance, "/billing/")
    total = LedgerEntry.objects.filter(started_at__gte=datetime(2026, 11, 1, tzinfo=UTC))
    whole = sum(entry.total_known for entry in total)
    assert f"${whole:.2f} in November 2026, 78 % of it for Browser" in text
    assert "Cost per call (5 calls)" in text
    assert "Show as a table" in text
    assert "all of it for Phone" in page(finance, "/billing/?channel=sip")
    assert "of it for Text to speech" in page(finance, "/billing/?by=component")
    assert "A former agent" in page(finance, "/billing/?by=agent")
    assert "Oct 2026" in page(finance, "/billing/?period=last")
    assert "Nothing was used in these days" in page(finance, "/billing/?period=custom&since=2026-01-01&until=2026-01-31")


def test_what_cannot_be_read_in_an_address_is_left_out(finance: Client, acme: Tenant) -> None:
    billed(acme)
    for query in ("period=never", "since=x&until=0001-01-01", "agent=me", "by=moon", "since=0001-01-01&until=9999-12-31"):
        page(finance, f"/billing/?{query}")
        page(finance, f"/billing/usage/?{query}&sort=moon&after=%00x&line=7&q=%00")
    page(finance, "/billing/exports/?since=9999-12-31")


def test_days_are_those_of_the_company(finance: Client, acme: Tenant) -> None:
    started = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    billed(acme, days_ago=(NOW - started) / timedelta(days=1))
    assert "Nothing was used in these days" in page(finance, "/billing/")
    Tenant.objects.filter(pk=acme.pk).update(timezone="Europe/Berlin")
    assert "all of it for Browser" in page(finance, "/billing/")


def test_what_has_no_price_is_said_and_linked(finance: Client, acme: Tenant) -> None:
    billed(acme)
    unknown = billed(acme, usage=[{"kind": "stt", "provider": "deepgram", "model": "unheard-of", "audio_duration": 40.2}])
    assert "1 call, answer or message contains something without a price" in page(finance, "/billing/")
    listed = page(finance, "/billing/usage/?unpriced=1&since=2020-01-01")
    assert str(unknown.pk) in listed
    assert listed.count(" data-row>") == 1
    assert "Something in it has no price yet" in page(finance, f"/billing/usage/{unknown.pk}/")


def test_the_list_narrows_and_sums_what_matches(finance: Client, acme: Tenant) -> None:
    browser, phone = billed(acme), billed(acme, days_ago=2, channel="sip")
    text = page(finance, "/billing/usage/?channel=sip")
    assert str(phone.pk) in text
    assert str(browser.pk) not in text
    assert "All 1" in text
    assert str(browser.pk) in page(finance, f"/billing/usage/?q={browser.source_id}&since=2020-01-01&until=2020-01-02")
    assert "No usage matches" in page(finance, "/billing/usage/?component=messages")
    assert "No usage matches" in page(finance, "/billing/usage/?source=turn")


def test_pages_of_the_list_meet_without_a_gap(finance: Client, acme: Tenant) -> None:
    made = [str(billed(acme, days_ago=1 + number / 1000).pk) for number in range(105)]
    for sort in ("-started", "started", "-cost"):
        seen: list[str] = []
        path = f"/billing/usage/?sort={sort}"
        for size in (50, 50, 5):
            answer = finance.get(path)
            rows = [str(row["entry"].pk) for row in answer.context["rows"]]
            assert len(rows) == size
            seen += rows
            back, path = answer.context["page"].before, f"/billing/usage/?sort={sort}&after={answer.context['page'].after}"
        assert sorted(seen) == sorted(made)
        if sort == "-started":
            assert seen == made
        again = finance.get(f"/billing/usage/?sort={sort}&before={back}")
        assert [str(row["entry"].pk) for row in again.context["rows"]] == seen[50:100]


@pytest.mark.parametrize("place", ["7", "1E+40", "NaN", "2026-11-27T12:00:00", "2026-11-27T12:00:00+00:00", "T", "\x00T"])
@pytest.mark.parametrize("sort", ["started", "cost"])
def test_a_mark_of_another_order_shows_the_first_page(finance: Client, acme: Tenant, sort: str, place: str) -> None:
    entry = billed(acme, days_ago=3)
    mark = urlsafe_b64encode(f"{place}~{uuid7()}".encode()).decode()
    readable = sort == "started" and place.endswith("+00:00")
    answer = finance.get(f"/billing/usage/?sort={sort}&after={mark}")
    assert [row["entry"] for row in answer.context["rows"]] == ([] if readable or (place == "7" and sort == "cost") else [entry])


def test_a_component_that_was_charged_and_taken_back_is_listed(finance: Client, acme: Tenant) -> None:
    entry = billed(acme)
    entry_correct(entry=entry, amounts={"llm": Decimal(0)}, reason="A gift.", by="fiona@acme.test")
    listed = finance.get("/billing/usage/?component=llm").context["rows"]
    assert sorted(row["entry"].llm for row in listed) == [-entry.llm, entry.llm]
    assert finance.get("/billing/usage/?component=messages").context["rows"] == []


def test_an_entry_shows_quantity_times_price_and_its_call(finance: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        call = call_make(caller_name="Maria Gonzales")
        bill(call, acme, started_at="2026-11-27T09:00:00Z", ended_at="2026-11-27T09:01:01.4Z")
    entry = LedgerEntry.objects.get(call_id=call.pk)
    text = page(finance, f"/billing/usage/{entry.pk}/")
    assert "× $0.0077 per minute" in text
    assert "40.2" in text
    assert f'href="/calls/{call.pk}/"' in text
    assert "Call of Maria Gonzales" in text
    assert "On none yet" in text


def test_a_chat_is_named_to_finance_but_not_opened(finance: Client, acme: Tenant) -> None:
    from apps.desktop.models import Contact, Conversation

    with tenant_context(acme):
        contact = Contact.objects.create(name="Ahmed")
        chat = Conversation.objects.create(contact=contact, line="1", channel="whatsapp")
    entry = billed(acme)
    made = LedgerEntry.objects.get(pk=entry.pk)
    made.pk, made.source_id, made.call_id, made.conversation_id = uuid7(), str(chat.pk), None, chat.pk
    made.source_type = "turn"
    made.save(force_insert=True)
    text = page(finance, f"/billing/usage/{made.pk}/")
    assert "Chat" in text
    assert f"/desktop/{chat.pk}" not in text


def _day(ago: int, amount: str) -> DaySpent:
    parts = dict.fromkeys(("transport", "stt", "llm", "tts", "messages", "platform"), Decimal())
    spent = Spent(1, 1, Decimal(), parts, Decimal(amount))
    return DaySpent((NOW - timedelta(days=ago)).date(), "sip", spent)


def test_the_forecast_goes_on_at_the_pace_of_four_weeks() -> None:
    today = NOW.date()
    rows = [_day(ago, "2") for ago in range(1, 29)]
    assert forecast(rows, today, Decimal(54)) == 54 + 2 + 2 * 2
    assert forecast([*rows, _day(0, "5")], today, Decimal(59)) == 59 + 2 * 2
    assert forecast([_day(0, "5"), _day(1, "1")], today, Decimal(6)) is None
    assert forecast([], today, Decimal()) is None


@pytest.mark.parametrize(("cost", "is_there"), [("0", False), ("0.25", True), ("0.000001", True)])
def test_what_is_of_no_channel_is_named_and_left_out_where_it_cost_nothing(
    acme: Tenant, finance: Client, cost: str, is_there: bool
) -> None:
    entry_make(acme, "3.00", "2026-11-20")
    entry_make(acme, cost, "2026-11-20", source="knowledge", channel="", agent_id=None)
    body = page(finance, "/billing/")
    assert "No channel" not in body and ("Knowledge, tools, trials and checks" in body) == is_there
    assert ("No agent" in page(finance, "/billing/?by=agent")) == is_there
    answer = finance.get("/api/v1/billing/spend?by=channel").json()
    assert sum(Decimal(share["amount"]) for share in answer["shares"]) == 3 + Decimal(cost)


def test_all_of_it_without_a_channel_and_for_nothing_is_still_a_page(acme: Tenant, finance: Client) -> None:
    entry_make(acme, "0", "2026-11-20", source="knowledge", channel="", agent_id=None)
    assert "Knowledge, tools, trials and checks" in page(finance, "/billing/")
