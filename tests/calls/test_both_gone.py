"""Atlas and Media Bot die together in the middle of a call: it goes on or ends, and is billed once."""

from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.billing.models import LedgerEntry
from apps.billing.services import price_book_seed
from apps.calls.livekit import Participant
from apps.calls.models import Call, Dispatch
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import ATLAS, CALLER, MEDIA_BOT, ROOM, Sweep, ago, refreshed
from tests.calls.webhooks import event
from tests.compass.factories import bearer, public_post

pytestmark = pytest.mark.django_db
ASKED_AGAIN = [("atlas", attempt) for attempt in range(2, 7)]


@pytest.fixture
def killed(running: Any, post_events: Any, livekit: FakeLiveKit) -> Call:
    """A call in which both were killed, so that neither said that it was over or what it had used."""
    price_book_seed()
    call = running(CALLER, ATLAS, seen=3)
    said = {"type": "transcript", "speaker": "caller", "text": "Hello?"}
    post_events(call, [{"seq": 0, "source": "atlas", **said}, {"seq": 1, "source": "atlas", "type": "usage", "usage": _used(4)}])
    with schema_context("acme"):
        Call.objects.update(agent_seen_at=ago(3))
    _leave(livekit, ATLAS, MEDIA_BOT)
    return refreshed(call)


def _used(seconds: float) -> list[dict[str, Any]]:
    return [{"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": seconds}]


def _leave(livekit: FakeLiveKit, *people: Participant) -> None:
    for person in people:
        livekit.rooms[ROOM].people.pop(person.identity)


def _told_of_leaving(deliver: Deliver) -> None:
    for person in (MEDIA_BOT, ATLAS):
        who = {"kind": "AGENT", "attributes": person.attributes, "disconnectReason": "STATE_MISMATCH"}
        deliver(event("participant_left", ROOM, identity=person.identity, participant=who))


def _nobody_takes_it(seconds: float = 5) -> None:
    with schema_context("acme"):
        Dispatch.objects.filter(state="requested").update(requested_at=ago(seconds))


def _bill(call: Call, usage: list[dict[str, Any]]) -> Any:
    report = {
        "call_id": str(call.pk),
        "agent_id": str(call.agent_id),
        "channel": "webrtc",
        "started_at": call.joined_at.isoformat() if call.joined_at else None,
        "ended_at": timezone.now().isoformat(),
        "duration": 31.0,
        "ended_reason": "caller_hangup",
        "transcript_ref": f"/calls/{call.pk}/transcript",
        "usage": usage,
    }
    return public_post("/billing/calls", report, bearer("acme", call.agent_id, call_id=str(call.pk)))


@pytest.mark.parametrize("webhooks_come", [True, False])
def test_restarted_workers_go_on_with_the_call(
    webhooks_come: bool, killed: Call, sweep: Sweep, livekit: FakeLiveKit, deliver: Deliver, post_events: Any
) -> None:
    if webhooks_come:
        _told_of_leaving(deliver)
    sweep()
    sweep()
    assert sorted(livekit.dispatched(ROOM)) == [("atlas", 2), ("media-bot", 2)]
    second = livekit.take(ROOM, "atlas", 2, "AJ_second")
    who = {"kind": "AGENT", "attributes": second.attributes}
    deliver(event("participant_joined", ROOM, identity=second.identity, participant=who))
    post_events(killed, [{"seq": 0, "source": "atlas.2", "type": "state", "state": "speaking"}])
    sweep()
    assert refreshed(killed).state == "in_progress"
    assert len(livekit.rooms[ROOM].dispatches) == 2

    _leave(livekit, CALLER)
    deliver(event("participant_left", ROOM, identity=CALLER.identity, participant={"disconnectReason": "CLIENT_INITIATED"}))
    post_events(killed, [{"seq": 1, "source": "atlas.2", "type": "usage", "usage": _used(6)}])
    assert _bill(killed, _used(10)).status_code == 201
    with schema_context("acme"):
        Call.objects.update(ended_at=ago(30))
    sweep()
    sweep()
    entry = LedgerEntry.objects.get()
    assert (entry.source, entry.usage) == ("report", _used(10.0))
    assert (refreshed(killed).ended_reason, refreshed(killed).is_billed) == ("caller_hangup", True)


def test_workers_that_stay_away_end_in_one_bill_from_the_events(killed: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
    for _ in ASKED_AGAIN:
        sweep()
        _nobody_takes_it()
    assert [asked for asked in livekit.dispatched(ROOM) if asked[0] == "atlas"] == ASKED_AGAIN
    sweep()
    assert [asked for asked in livekit.dispatched(ROOM) if asked[0] == "media-bot"] == [("media-bot", 2), ("media-bot", 3)]
    assert livekit.metadata(ROOM, "media-bot")["announcement"]
    assert (refreshed(killed).state, refreshed(killed).ended_reason) == ("failed", "no_agent")

    with schema_context("acme"):
        Call.objects.update(ended_at=ago(21))
    sweep()
    assert livekit.deleted == [ROOM], "nobody is left to speak the apology, so the caller is not kept waiting"
    sweep()
    entry = LedgerEntry.objects.get()
    assert (entry.source, entry.call_id, entry.usage) == ("sweep", killed.pk, _used(4.0))
    assert refreshed(killed).is_billed


def test_a_bill_that_comes_after_the_sweepers_charges_nothing_more(killed: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
    """The one that was killed had sent its report to a web side that was slow to take it."""
    livekit.rooms.clear()
    sweep()
    assert refreshed(killed).ended_reason == "caller_hangup"
    with schema_context("acme"):
        Call.objects.update(ended_at=ago(21))
    sweep()
    assert _bill(killed, _used(4)).status_code in (200, 409)
    assert LedgerEntry.objects.count() == 1
