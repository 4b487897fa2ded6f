"""The transcript of a call: Atlas's words, Media Bot's where no Atlas was to hear or speak, each once and in order."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.calls.caller.story import summary
from apps.calls.models import Call, Dispatch
from apps.calls.selectors_pages import call_turns
from apps.calls.selectors_transcript import call_transcript
from apps.tenants.models import Tenant
from tests.compass.factories import bearer, public_get
from tests.pages.factories import call_make, events_make

pytestmark = pytest.mark.django_db
LISTENS = ("state", 2.0, {"state": "listening"})
Row = tuple[str, float, dict[str, Any]]


@pytest.fixture
def call(acme: Tenant) -> Call:
    """A call of a minute that is over."""
    with tenant_context(acme):
        return call_make()


def said(call: Call, speaker: str, text: str, start: float, end: float, told: float | None = None) -> Row:
    """Words from `start` to `end`, told at `told`, all in seconds into the call."""
    times = {
        name: (call.started_at + timedelta(seconds=at)).isoformat() for name, at in (("started_at", start), ("ended_at", end))
    }
    return "transcript", end + 0.3 if told is None else told, {"speaker": speaker, "text": text, **times}


def texts(call: Call, acme: Tenant) -> list[str]:
    with tenant_context(acme):
        return [event.data["text"] for event in call_transcript(Call.objects.get(pk=call.pk))]


def killed(call: Call, acme: Tenant) -> None:
    """Atlas greets, hears a question, and is killed in its answer; its successor comes 12 seconds later."""
    with tenant_context(acme):
        events_make(
            call,
            "atlas",
            LISTENS,
            said(call, "agent", "Hello, this is Acme.", 3, 5),
            said(call, "caller", "Where is my parcel?", 7, 9, 9.8),
            ("state", 10.0, {"state": "speaking"}),
        )
        events_make(
            call,
            "atlas.2",
            ("state", 24.0, {"state": "listening"}),
            said(call, "agent", "Sorry, please go on.", 25, 27),
            said(call, "caller", "I asked for my parcel.", 29, 31, 31.8),
        )
        events_make(
            call,
            "media-bot",
            said(call, "agent", "Hello this is ACME", 3.2, 5.2, 6.6),
            said(call, "caller", "Where's my parcel", 7.1, 9.1, 10.5),
            said(call, "agent", "Your parcel left our", 10.1, 11.6, 13),
            said(call, "caller", "Hello? Are you still there?", 15, 17, 18.4),
            said(call, "agent", "Sorry please go on", 25.2, 27.2, 28.6),
            said(call, "caller", "I asked for my parcel", 29.1, 31.1, 32.5),
        )


WHOLE = [
    "Hello, this is Acme.",
    "Where is my parcel?",
    "Your parcel left our",
    "Hello? Are you still there?",
    "Sorry, please go on.",
    "I asked for my parcel.",
]


def test_media_bot_fills_the_gap_between_a_killed_atlas_and_its_successor(call: Call, acme: Tenant) -> None:
    killed(call, acme)
    assert texts(call, acme) == WHOLE


def test_everywhere_that_it_is_shown(call: Call, acme: Tenant, client_for: Any, alice: Any) -> None:
    killed(call, acme)
    html = client_for(alice, "acme").get(f"/calls/{call.pk}/").content.decode()
    conversation = html[html.index('aria-label="Conversation"') : html.index('id="panel-timeline"')]
    places = [conversation.index(text) for text in WHOLE]
    assert places == sorted(places)
    assert "Where&#x27;s my parcel" not in conversation
    with tenant_context(acme):
        events = list(call.events.order_by("pk"))
        assert [turn.text for turn in call_turns(call, events)] == WHOLE
        assert [item["text"] for item in summary(call, events, None)["transcript"]] == WHOLE


def test_the_successor_is_told_what_was_said_while_nobody_was_there(call: Call, acme: Tenant) -> None:
    killed(call, acme)
    path = f"/calls/{call.pk}/transcript"
    body = public_get(path, bearer("acme", call.agent_id, call_id=str(call.pk))).json()
    assert [item["text"] for item in body["items"]] == WHOLE
    moments = [item["at"] for item in body["items"]]
    assert moments == sorted(moments), "the agent sorts what it is told by its times"
    assert public_get(path, bearer("globex", call.agent_id, call_id=str(call.pk))).status_code == 404


def test_a_last_word_that_atlas_had_no_turn_for_is_kept(call: Call, acme: Tenant) -> None:
    with tenant_context(acme):
        closed = ("state", 12.0, {"state": "closed", "detail": "caller_hangup"})
        events_make(call, "atlas", LISTENS, said(call, "agent", "It comes tomorrow.", 3, 5), closed)
        events_make(
            call,
            "media-bot",
            said(call, "agent", "It comes tomorrow", 3.3, 5.4, 6.8),
            said(call, "caller", "Great, thank you, bye!", 9, 11, 12.4),
        )
    assert texts(call, acme) == ["It comes tomorrow.", "Great, thank you, bye!"]


def test_an_apology_is_part_of_it(call: Call, acme: Tenant) -> None:
    with tenant_context(acme):
        events_make(call, "atlas", LISTENS, said(call, "agent", "Hello, this is Acme.", 3, 5))
        events_make(call, "media-bot", said(call, "caller", "Hello?", 14, 15, 16.4))
        events_make(call, "media-bot.2", ("transcript", 26.0, {"speaker": "agent", "text": "We are sorry. Please call again."}))
    assert texts(call, acme) == ["Hello, this is Acme.", "Hello?", "We are sorry. Please call again."]


def test_what_both_heard_at_the_edge_is_said_once(call: Call, acme: Tenant) -> None:
    """The caller begins before Atlas listens, and the last words reach Media Bot a little after Atlas has said them."""
    with tenant_context(acme):
        hello = said(call, "caller", "Hello, is this Acme?", 2.4, 3.2, 3.9)
        events_make(call, "atlas", ("state", 2.2, {"state": "listening"}), hello, said(call, "agent", "Good bye now.", 5, 6, 6.0))
        events_make(
            call,
            "media-bot",
            said(call, "caller", "Hello is this ACNE", 1.0, 3.2, 4.6),
            said(call, "agent", "Goodbye now", 5.8, 6.6, 8),
        )
    assert texts(call, acme) == ["Hello, is this Acme?", "Good bye now."]


def test_the_same_word_said_again_later_is_another(call: Call, acme: Tenant) -> None:
    with tenant_context(acme):
        events_make(call, "atlas", LISTENS, said(call, "caller", "Hello?", 3, 3.5, 4))
        events_make(call, "media-bot", said(call, "caller", "Hello?", 9, 9.5, 11), said(call, "caller", "Hello?", 11, 11.5, 13))
    assert texts(call, acme) == ["Hello?", "Hello?", "Hello?"]


def test_a_replaced_media_bot_and_its_successor_say_it_once(call: Call, acme: Tenant) -> None:
    with tenant_context(acme):
        events_make(call, "media-bot", said(call, "caller", "Is anybody there?", 3, 5, 6))
        events_make(
            call, "media-bot.2", said(call, "caller", "anybody there?", 3.8, 5, 6.2), said(call, "caller", "Hello?", 9, 10)
        )
    assert texts(call, acme) == ["Is anybody there?", "Hello?"]


class TestWhileItRuns:
    @pytest.fixture
    def call(self, acme: Tenant) -> Call:
        """A caller speaks before Atlas listens, after it does, and Media Bot tells both."""
        with tenant_context(acme):
            call = call_make(ago=60, lasted=None)
            Dispatch.objects.create(call=call, agent_name="atlas", state="joined", identity="agent-1")
            events_make(
                call,
                "media-bot",
                said(call, "caller", "Hello?", 0.5, 1, 2.4),
                said(call, "caller", "What does it cost?", 20, 22, 23.4),
            )
            return call

    def hears(self, call: Call, acme: Tenant) -> None:
        with tenant_context(acme):
            events_make(call, "atlas", LISTENS, said(call, "agent", "Hello, this is Acme.", 3, 5))

    def test_all_is_media_bots_until_atlas_listens(self, call: Call, acme: Tenant) -> None:
        assert texts(call, acme) == ["Hello?", "What does it cost?"]

    def test_atlas_that_listens_has_the_word(self, call: Call, acme: Tenant) -> None:
        self.hears(call, acme)
        assert texts(call, acme) == ["Hello?", "Hello, this is Acme."]

    @pytest.mark.parametrize("how", ["failed", "followed", "ended"])
    def test_once_it_is_lost_media_bot_has_what_it_did_not_tell(self, how: str, call: Call, acme: Tenant) -> None:
        self.hears(call, acme)
        with tenant_context(acme):
            if how == "failed":
                call.dispatches.update(state="failed")
            elif how == "followed":
                Dispatch.objects.create(call=call, agent_name="atlas", attempt=2)
            else:
                Call.objects.filter(pk=call.pk).update(state="failed", ended_at=timezone.now())
        assert texts(call, acme) == ["Hello?", "Hello, this is Acme.", "What does it cost?"]

    def test_another_company_reads_nothing(self, call: Call, client_for: Any, charlie: Any) -> None:
        assert client_for(charlie, "globex").get(f"/calls/{call.pk}/").status_code == 404
        assert client_for(charlie, "acme").get(f"/calls/{call.pk}/").status_code == 404
