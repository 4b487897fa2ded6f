"""The pages without a browser: who may see what, filters, and fragments."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.calls.models import Call
from apps.tenants.models import Membership, Role, Tenant, User
from tests.compass.factories import agent_published
from tests.pages.factories import bill, call_make, events_make, talk_make

ClientFor = Callable[[User | None, str], Client]


@pytest.fixture
def call(acme: Tenant) -> Iterator[Call]:
    with tenant_context(acme):
        made = call_make(from_number="+493012345678", channel="sip", to_number="+49301111")
        talk_make(made)
        bill(made, acme)
        made.refresh_from_db()
    yield made


def page(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.content[:300]
    return answer.content.decode()


def test_an_admin_sees_words_costs_and_timeline(client_for: ClientFor, alice: User, call: Call) -> None:
    html = page(client_for(alice, "acme"), f"/calls/{call.pk}/")
    for words in ("My parcel is late", "negative", "0.92 s", "Speech to text", "Timeline", "+49 30 12345678", "Caller hung up"):
        assert words in html
    assert "Deepgram closed the stream" in html


def test_an_answer_that_took_long_to_say_shows_when_it_began(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    with tenant_context(acme):
        call = call_make()
        began = {"speaker": "agent", "text": "A long story.", "started_at": (call.started_at + timedelta(seconds=5)).isoformat()}
        events_make(call, "atlas", ("transcript", 40.0, began), ("latency", 40.1, {"turn": 1, "e2e": 0.77}))
    html = page(client_for(alice, "acme"), f"/calls/{call.pk}/")
    bubble = html[html.index("A long story.") :].partition("</li>")[0]
    assert "0.77 s" in bubble


def test_an_agent_sees_words_but_neither_costs_nor_timeline(client_for: ClientFor, bob: User, call: Call) -> None:
    html = page(client_for(bob, "acme"), f"/calls/{call.pk}/")
    assert "My parcel is late" in html
    assert "Speech to text" not in html
    assert "Deepgram closed the stream" not in html
    assert ">Cost<" not in page(client_for(bob, "acme"), "/calls/")


def test_finance_sees_costs_but_no_words(client_for: ClientFor, bob: User, call: Call) -> None:
    Membership.objects.filter(user=bob).update(role=Role.FINANCE)
    html = page(client_for(bob, "acme"), f"/calls/{call.pk}/")
    assert "Speech to text" in html
    assert "My parcel is late" not in html


@pytest.mark.parametrize("path", ["/calls/{}/", "/calls/{}/row"])
def test_another_company_finds_nothing(client_for: ClientFor, charlie: User, call: Call, path: str) -> None:
    assert client_for(charlie, "globex").get(path.format(call.pk)).status_code == 404
    assert client_for(charlie, "acme").get(path.format(call.pk)).status_code == 404


NOWHERE = "01a20e90-2a8c-7216-868d-0fdf7e6f836a"


@pytest.mark.parametrize("path", ["/", "/calls/", f"/calls/{NOWHERE}/", f"/calls/{NOWHERE}/row"])
def test_strangers_are_asked_to_log_in(client_for: ClientFor, acme: Tenant, path: str) -> None:
    answer = client_for(None, "acme").get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?next=")


def test_something_without_a_price_is_never_shown_as_free(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    with tenant_context(acme):
        call = call_make()
        bill(
            call, acme, usage=[{"kind": "llm", "provider": "openai", "model": "brand-new", "input_tokens": 9, "output_tokens": 9}]
        )
    assert "no price yet" in page(client_for(alice, "acme"), f"/calls/{call.pk}/")
    assert "no price yet" in page(client_for(alice, "acme"), "/calls/")


def test_filters_narrow_the_list(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    with tenant_context(acme):
        agent_published()
        call_make(channel="sip", from_number="+14155550123", state="missed")
        call_make(caller_name="Maria Gonzales")
        call_make(lasted=None, caller_name="Living Person")
    client = client_for(alice, "acme")
    for query, found in {
        "state=missed": {"+1 415-555-0123"},
        "state=live": {"Living Person"},
        "channel=webrtc": {"Maria Gonzales", "Living Person"},
        "q=415 555-01": {"+1 415-555-0123"},
        "q=gonz": {"Maria Gonzales"},
        "agent=reception&q=maria": {"Maria Gonzales"},
        "since=2099-01-01": set(),
        "until=2000-01-01": set(),
        "state=nonsense&since=nonsense&page=99": {"+1 415-555-0123", "Maria Gonzales", "Living Person"},
    }.items():
        html = page(client, f"/calls/?{query}")
        names = {"+1 415-555-0123", "Maria Gonzales", "Living Person"}
        assert {name for name in names if name in html} == found, query


def test_sorting_and_paging_keep_the_filters(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    with tenant_context(acme):
        for number in range(30):
            call_make(ago=600 - number, lasted=float(number), caller_name=f"Caller {number:02}")
    client = client_for(alice, "acme")
    html = page(client, "/calls/?q=caller&sort=-duration")
    assert html.index("Caller 29") < html.index("Caller 28")
    assert "1–25 of 30" in html
    assert "q=caller&amp;sort=-duration&amp;page=2" in html
    assert "Caller 04" in page(client, "/calls/?q=caller&sort=-duration&page=2")


def test_a_hint_fetches_only_what_changed(client_for: ClientFor, alice: User, call: Call) -> None:
    client = client_for(alice, "acme")
    row = page(client, f"/calls/{call.pk}/row")
    assert row.strip().startswith(f'<tr id="call-{call.pk}"')
    for path in ("/", "/calls/", f"/calls/{call.pk}/"):
        assert "<html" not in page(client, path, **{"HX-Request": "true"})


def test_a_running_call_listens_for_hints_and_a_billed_one_does_not(client_for: ClientFor, alice: User, call: Call) -> None:
    client = client_for(alice, "acme")
    with tenant_context(Tenant.objects.get(schema_name="acme")):
        running = call_make(lasted=None)
    assert f'data-live="call:{running.pk}"' in page(client, f"/calls/{running.pk}/")
    assert "data-live=" not in page(client, f"/calls/{call.pk}/", **{"HX-Request": "true"})


def test_media_bots_ears_stand_in_when_atlas_heard_nothing(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    with tenant_context(acme):
        call = call_make()
        events_make(call, "media-bot", ("transcript", 3.0, {"speaker": "caller", "text": "Is anybody there?"}))
    assert "Is anybody there?" in page(client_for(alice, "acme"), f"/calls/{call.pk}/")


def test_what_callers_say_cannot_become_markup(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    with tenant_context(acme):
        call = call_make(caller_name="<img src=x>")
        events_make(call, "atlas", ("transcript", 3.0, {"speaker": "caller", "text": "<script>alert(1)</script>"}))
    html = page(client_for(alice, "acme"), f"/calls/{call.pk}/")
    assert "<script>alert" not in html
    assert "<img src=x>" not in html


def test_the_list_asks_the_database_no_more_for_more_rows(
    client_for: ClientFor, alice: User, acme: Tenant, django_assert_max_num_queries: Callable[..., Iterator[None]]
) -> None:
    with tenant_context(acme):
        for _ in range(25):
            bill(call_make(), acme)
    client = client_for(alice, "acme")
    client.get("/calls/")
    with django_assert_max_num_queries(16):
        client.get("/calls/")


def test_the_dashboard_counts_today(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    assert "No calls yet" in page(client_for(alice, "acme"), "/")
    with tenant_context(acme):
        agent_published()
        call_make(ago=1, lasted=None)
    html = page(client_for(alice, "acme"), "/")
    assert "1 call is going on right now." in html
    assert "/call/reception" in html


def test_anyone_may_open_the_call_page(client_for: ClientFor, acme: Tenant) -> None:
    with tenant_context(acme):
        agent_published()
    client = client_for(None, "acme")
    assert 'data-start="ready"' in page(client, "/call/reception")
    unknown = client.get("/call/nobody")
    assert unknown.status_code == 404
    assert "Check the address you were given" in unknown.content.decode()


def test_the_call_page_says_when_an_agent_takes_no_calls(client_for: ClientFor, acme: Tenant) -> None:
    with tenant_context(acme):
        agent = agent_published()
        agent.enabled = False
        agent.save()
    assert 'data-start="unavailable"' in page(client_for(None, "acme"), "/call/reception")


def test_without_calls_and_agents_an_admin_is_led_to_the_first_agent(client_for: ClientFor, alice: User, bob: User) -> None:
    assert "Make an agent" in page(client_for(alice, "acme"), "/calls/")
    assert "Make an agent" not in page(client_for(bob, "acme"), "/calls/")


def test_two_answers_have_their_middle_between_them(client_for: ClientFor, alice: User, call: Call) -> None:
    assert "Answers came after 1.11 s, at worst 1.31 s" in page(client_for(alice, "acme"), f"/calls/{call.pk}/")
