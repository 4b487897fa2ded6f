"""The sweeper: what a lost webhook, a dead agent or a dead worker left behind is put right."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.billing.models import LedgerEntry
from apps.billing.selectors import call_cost
from apps.billing.services import call_bill, price_book_seed
from apps.calls.livekit import Participant
from apps.calls.models import Call, CallEvent, Dispatch
from apps.calls.services import calm
from apps.calls.services.bills import report_of
from apps.calls.services.sweep import LOCK, calls_sweep
from apps.calls.tasks import calls_sweep_task
from apps.tenants.models import Tenant
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.webhooks import NUMBER, SIP_ROOM, TRUNK, event

pytestmark = pytest.mark.django_db
ROOM = "call_acme_1"
CALLER = Participant("caller-1")
ATLAS = Participant("agent-AJ_1", "AGENT", attributes={"lk.agent_name": "atlas"})
Sweep = Callable[[], None]


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


@pytest.fixture
def sweep(django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """One pass of a sweeper that has been at it for a while, with a web side that answers."""
    monkeypatch.setattr(calm, "web_answers", lambda: True)

    def run() -> None:
        cache.set("calls.swept_at", timezone.now())
        with schema_context("public"), django_capture_on_commit_callbacks(execute=True):
            calls_sweep()

    return run


@pytest.fixture
def make_call(reception: Any, livekit: FakeLiveKit) -> Callable[..., Call]:
    def make(*people: Participant, room: bool = True, **fields: Any) -> Call:
        if room:
            livekit.room(ROOM, *people)
        defaults = {"channel": "webrtc", "room_name": ROOM, "agent_id": reception.pk, "caller_identity": CALLER.identity}
        with schema_context("acme"):
            return Call.objects.create(**{**defaults, "started_at": ago(30), **fields})

    return make


@pytest.fixture
def running(make_call: Callable[..., Call]) -> Callable[..., Call]:
    """A call that is under way: the caller and Atlas are there, and Atlas was heard of `seen` seconds ago."""

    def make(*people: Participant, seen: float = 0.5, **fields: Any) -> Call:
        call = make_call(
            *(people or (CALLER, ATLAS)),
            **{"state": "in_progress", "joined_at": ago(29), "answered_at": ago(28), "agent_seen_at": ago(seen), **fields},
        )
        with schema_context("acme"):
            Dispatch.objects.create(
                call=call,
                agent_name="atlas",
                state="joined",
                dispatch_id="AD_old",
                identity=ATLAS.identity,
                joined_at=ago(28),
                spoke_at=ago(27),
            )
            Dispatch.objects.create(call=call, agent_name="media-bot", state="joined", dispatch_id="AD_mb", identity="agent-2")
        return call

    return make


def refreshed(call: Call) -> Call:
    with schema_context("acme"):
        return Call.objects.get(pk=call.pk)


def test_a_call_that_runs_is_left_alone(running: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = running()
    sweep()
    assert refreshed(call).version == call.version
    assert livekit.dispatched(ROOM) == []


def test_lost_join_is_found(make_call: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = make_call(CALLER, started_at=ago(1))
    sweep()
    assert refreshed(call).joined_at is not None
    assert livekit.dispatched(ROOM) == [("atlas", 1), ("media-bot", 1)]


def test_lost_sip_join_makes_the_call(phone: FakeLiveKit, sweep: Sweep) -> None:
    attributes = {"sip.trunkID": TRUNK, "sip.trunkPhoneNumber": NUMBER, "sip.phoneNumber": "+15551111"}
    phone.room(SIP_ROOM, Participant("sip_1", "SIP", attributes=attributes))
    sweep()
    with schema_context("acme"):
        call = Call.objects.get()
    assert (call.room_name, call.from_number, call.to_number) == (SIP_ROOM, "+15551111", NUMBER)
    assert phone.dispatched(SIP_ROOM) == [("atlas", 1), ("media-bot", 1)]


def test_lost_join_through_a_foreign_trunk_is_nobodys_call(phone: FakeLiveKit, sweep: Sweep) -> None:
    attributes = {"sip.trunkID": "ST_nobodys", "sip.trunkPhoneNumber": NUMBER, "sip.phoneNumber": "+15551111"}
    phone.room(SIP_ROOM, Participant("sip_1", "SIP", attributes=attributes))
    sweep()
    sweep()
    assert phone.dispatched(SIP_ROOM) == [("media-bot", 1)]
    with schema_context("acme"):
        assert not Call.objects.exists()


def test_handler_that_died_after_the_join_is_finished(make_call: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    make_call(CALLER, joined_at=ago(2))
    sweep()
    sweep()
    assert livekit.dispatched(ROOM) == [("atlas", 1), ("media-bot", 1)]


def test_caller_who_never_came_is_missed(make_call: Any, sweep: Sweep) -> None:
    young = make_call(started_at=ago(30))
    sweep()
    assert refreshed(young).is_live
    with schema_context("acme"):
        Call.objects.update(started_at=ago(80))
    sweep()
    assert refreshed(young).state == "missed"


def test_call_without_room_ends(make_call: Any, sweep: Sweep) -> None:
    call = make_call(room=False, joined_at=ago(20), state="in_progress", answered_at=ago(19))
    sweep()
    ended = refreshed(call)
    assert (ended.state, ended.ended_reason) == ("completed", "caller_hangup")
    assert ended.room_deleted_at is not None


def test_call_whose_room_is_being_made_is_left_alone(make_call: Any, sweep: Sweep) -> None:
    call = make_call(room=False, started_at=ago(1))
    sweep()
    assert refreshed(call).is_live


def test_caller_who_is_gone_ends_it_after_a_while(running: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = running(ATLAS)
    sweep()
    assert refreshed(call).left_at is not None
    with schema_context("acme"):
        Call.objects.update(left_at=ago(7))
    sweep()
    assert (refreshed(call).state, refreshed(call).ended_reason) == ("completed", "caller_hangup")
    assert livekit.deleted == [ROOM]


def test_caller_who_came_back_goes_on(running: Any, sweep: Sweep) -> None:
    call = running(left_at=ago(20))
    sweep()
    assert (refreshed(call).left_at, refreshed(call).state) == (None, "in_progress")


def test_agent_that_does_not_join_is_asked_again_then_the_caller_hears_an_apology(
    make_call: Any, sweep: Sweep, livekit: FakeLiveKit
) -> None:
    call = make_call(CALLER, joined_at=ago(10))
    sweep()
    _asked_long_ago()
    sweep()
    assert livekit.dispatched(ROOM) == [("atlas", 1), ("media-bot", 1), ("atlas", 2)]
    assert len(livekit.withdrawn) == 1
    sweep()
    assert len(livekit.dispatched(ROOM)) == 3
    _asked_long_ago()
    sweep()
    assert livekit.dispatched(ROOM)[3:] == [("media-bot", 2)]
    assert "could not be reached" in livekit.metadata(ROOM, "media-bot")["announcement"]["text"]
    failed = refreshed(call)
    assert (failed.state, failed.ended_reason) == ("failed", "no_agent")
    assert "Atlas was asked 2 times" in failed.detail
    assert livekit.deleted == []


def _came(name: str, agent: Participant, deliver: Any) -> None:
    deliver(event("participant_joined", ROOM, participant={"kind": "AGENT", "attributes": agent.attributes}, identity=name))


@pytest.fixture
def asked_twice(make_call: Any, sweep: Sweep, livekit: FakeLiveKit) -> Call:
    """A call whose first Atlas did not come in time, so that a second was asked."""
    call = make_call(CALLER, joined_at=ago(10))
    sweep()
    _asked_long_ago()
    sweep()
    assert livekit.dispatched(ROOM)[2:] == [("atlas", 2)]
    return call


def _attempts() -> dict[int, tuple[str, str]]:
    with schema_context("acme"):
        return {d.attempt: (d.state, d.identity) for d in Dispatch.objects.filter(agent_name="atlas")}


def test_whoever_comes_is_told_apart_by_the_job(asked_twice: Call, livekit: FakeLiveKit, deliver: Any) -> None:
    late, second = livekit.take(ROOM, "atlas", 1, "AJ_late"), livekit.take(ROOM, "atlas", 2, "AJ_second")
    _came(late.identity, late, deliver)
    assert _attempts() == {1: ("failed", ""), 2: ("requested", "")}
    assert livekit.removed == [late.identity]
    _came(second.identity, second, deliver)
    assert _attempts() == {1: ("failed", ""), 2: ("joined", second.identity)}
    assert livekit.removed == [late.identity]


def test_an_agent_of_a_dispatch_that_is_no_longer_listed_is_sent_away(
    asked_twice: Call, livekit: FakeLiveKit, deliver: Any
) -> None:
    late = livekit.take(ROOM, "atlas", 1, "AJ_late")
    livekit.rooms[ROOM].dispatches = [d for d in livekit.rooms[ROOM].dispatches if d.id != livekit.withdrawn[0]]
    _came(late.identity, late, deliver)
    assert livekit.removed == [late.identity]
    assert _attempts()[2] == ("requested", "")


def test_one_attempt_needs_no_question_to_livekit(make_call: Any, sweep: Sweep, livekit: FakeLiveKit, deliver: Any) -> None:
    make_call(CALLER, joined_at=ago(10))
    sweep()
    atlas = livekit.take(ROOM, "atlas", 1, "AJ_1")
    livekit.refuse.add("dispatches_list")
    _came(atlas.identity, atlas, deliver)
    assert _attempts() == {1: ("joined", atlas.identity)}


def _asked_long_ago(seconds: float = 5) -> None:
    with schema_context("acme"):
        Dispatch.objects.update(requested_at=ago(seconds))


def test_agent_whose_worker_said_yes_gets_longer(make_call: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    make_call(CALLER, joined_at=ago(10))
    sweep()
    room = livekit.rooms[ROOM]
    room.dispatches = [replace(dispatch, taken=True) for dispatch in room.dispatches]
    _asked_long_ago(6)
    sweep()
    assert livekit.dispatched(ROOM) == [("atlas", 1), ("media-bot", 1)]
    _asked_long_ago(11)
    sweep()
    assert livekit.dispatched(ROOM)[2:] == [("atlas", 2)]


@pytest.fixture
def mute(running: Any) -> Call:
    """Atlas is in the room since 7 seconds and tells that it lives, but has said nothing."""
    call = running()
    with schema_context("acme"):
        Dispatch.objects.filter(agent_name="atlas").update(joined_at=ago(7), requested_at=ago(8), spoke_at=None)
    return call


def _first_word_seconds(seconds: float) -> None:
    with schema_context("acme"):
        Call.objects.update(first_word_seconds=seconds)


def test_atlas_that_stays_mute_is_replaced_and_then_apologised_for(mute: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
    sweep()
    assert livekit.dispatched(ROOM) == [("atlas", 2)]
    assert (livekit.removed, livekit.withdrawn) == ([ATLAS.identity], ["AD_old"])
    with schema_context("acme"):
        Dispatch.objects.filter(agent_name="atlas", attempt=2).update(state="joined", identity="agent-AJ_2", joined_at=ago(7))
    sweep()
    assert livekit.dispatched(ROOM)[1:] == [("media-bot", 2)]
    assert (refreshed(mute).state, refreshed(mute).ended_reason) == ("failed", "no_agent")


def test_the_agents_own_limit_counts(mute: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
    _first_word_seconds(20)
    sweep()
    assert livekit.dispatched(ROOM) == []
    _first_word_seconds(6.5)
    sweep()
    assert livekit.dispatched(ROOM) == [("atlas", 2)]


def test_a_mute_atlas_is_kept_while_the_web_side_is_away(
    mute: Call, sweep: Sweep, livekit: FakeLiveKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calm, "web_answers", lambda: False)
    sweep()
    assert livekit.dispatched(ROOM) == []


def test_an_agent_in_a_hurry_is_asked_again_sooner(make_call: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    make_call(CALLER, joined_at=ago(10))
    sweep()
    _asked_long_ago(3)
    sweep()
    assert livekit.dispatched(ROOM)[2:] == []
    _first_word_seconds(2)
    sweep()
    assert livekit.dispatched(ROOM)[2:] == [("atlas", 2)]


def test_joined_agent_whose_join_was_lost_is_noticed(make_call: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    make_call(CALLER, joined_at=ago(10))
    sweep()
    _asked_long_ago()
    livekit.room(ROOM, ATLAS)
    sweep()
    with schema_context("acme"):
        assert Dispatch.objects.get(agent_name="atlas").state == "joined"


def test_atlas_gone_and_silent_is_replaced_once(running: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = running(CALLER, seen=3)
    sweep()
    sweep()
    assert livekit.dispatched(ROOM) == [("atlas", 2)]
    assert refreshed(call).state == "in_progress"


def test_atlas_there_but_silent_is_replaced_a_little_later(running: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = running(seen=3)
    sweep()
    assert livekit.dispatched(ROOM) == []
    with schema_context("acme"):
        Call.objects.filter(pk=call.pk).update(agent_seen_at=ago(4))
    sweep()
    assert livekit.dispatched(ROOM) == [("atlas", 2)]
    assert livekit.removed == [ATLAS.identity]
    assert livekit.withdrawn == ["AD_old"]


def test_atlas_that_cannot_reach_the_web_keeps_its_call(
    running: Any, sweep: Sweep, livekit: FakeLiveKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(seen=30)
    monkeypatch.setattr(calm, "web_answers", lambda: False)
    sweep()
    monkeypatch.setattr(calm, "web_answers", lambda: True)
    sweep()
    assert livekit.dispatched(ROOM) == []
    cache.set("calls.hold_until", ago(1))
    sweep()
    assert livekit.dispatched(ROOM) == [("atlas", 2)]


def test_first_sweep_after_a_pause_replaces_nobody_who_is_there(
    running: Any, livekit: FakeLiveKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calm, "web_answers", lambda: True)
    running(seen=30)
    calls_sweep_task.apply()
    assert livekit.dispatched(ROOM) == []


def test_an_agent_that_keeps_dying_ends_in_an_apology(running: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = running(CALLER, seen=9)
    with schema_context("acme"):
        Dispatch.objects.filter(agent_name="atlas").update(attempt=6)
    sweep()
    assert livekit.dispatched(ROOM) == [("media-bot", 2)]
    assert refreshed(call).ended_reason == "no_agent"


def test_longest_duration_ends_it(running: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = running(max_seconds=10)
    sweep()
    assert (refreshed(call).state, refreshed(call).ended_reason) == ("completed", "max_duration")
    assert livekit.deleted == [ROOM]


def test_leftover_room_is_deleted(make_call: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = make_call(CALLER, state="missed", ended_at=ago(10))
    sweep()
    assert livekit.deleted == [ROOM]
    assert refreshed(call).room_deleted_at is not None


def test_room_stays_while_the_announcement_is_spoken(make_call: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = make_call(CALLER, state="failed", ended_at=ago(20))
    with schema_context("acme"):
        Dispatch.objects.create(
            call=call,
            agent_name="media-bot",
            state="joined",
            dispatch_id="AD_1",
            announcement={"text": "Sorry", "language": "en"},
        )
    sweep()
    assert livekit.deleted == []
    with schema_context("acme"):
        Dispatch.objects.update(state="requested")
    sweep()
    assert livekit.deleted == [ROOM]


def test_old_room_of_no_call_is_deleted(acme: Tenant, livekit: FakeLiveKit, sweep: Sweep) -> None:
    livekit.room("call_acme_new").created_at = int(time.time())
    livekit.room("call_acme_old").created_at = int(time.time()) - 100
    livekit.room("somebody-elses").created_at = 0
    sweep()
    assert livekit.deleted == ["call_acme_old"]


def test_livekit_down_ends_no_call(running: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    call = running(seen=30)
    livekit.down = True
    sweep()
    assert refreshed(call).is_live


def test_one_call_that_cannot_be_dealt_with_does_not_stop_the_others(make_call: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    make_call(CALLER, joined_at=ago(10))
    second = make_call(room=False, room_name="call_acme_2", joined_at=ago(9))
    livekit.refuse.add("dispatches_list")
    sweep()
    assert refreshed(second).state == "missed"


def test_only_one_sweep_at_a_time(running: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
    running(CALLER, seen=30)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    sweep()
    assert livekit.dispatched(ROOM) == []
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    other.close()
    sweep()
    assert livekit.dispatched(ROOM) == [("atlas", 2)]


def _usage(call: Call, source: str, seq: int, seconds: float) -> None:
    row = {"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": seconds}
    CallEvent.objects.create(call=call, source=source, seq=seq, type="usage", at=timezone.now(), data={"usage": [row]})


def test_call_that_nobody_billed_is_billed_from_its_events_once(make_call: Any, sweep: Sweep, acme: Tenant) -> None:
    price_book_seed()
    ended = {"state": "completed", "ended_reason": "caller_hangup", "joined_at": ago(60), "answered_at": ago(59)}
    call = make_call(room=False, **ended, started_at=ago(61), ended_at=ago(10))
    with schema_context("acme"):
        _usage(call, "atlas", 1, 5)
        _usage(call, "atlas", 2, 12)
        _usage(call, "atlas.2", 1, 3)
    sweep()
    assert call_cost(acme, call.pk) is None
    with schema_context("acme"):
        Call.objects.update(ended_at=ago(21))
    sweep()
    sweep()
    entry = LedgerEntry.objects.get()
    assert (entry.source, entry.call_id) == ("sweep", call.pk)
    assert entry.usage == [{"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": 15.0}]
    assert refreshed(call).is_billed


def test_call_that_its_agent_billed_is_only_noted(make_call: Any, sweep: Sweep, acme: Tenant) -> None:
    ended = {"state": "completed", "ended_reason": "caller_hangup", "joined_at": ago(60), "answered_at": ago(59)}
    call = make_call(room=False, **ended, started_at=ago(61), ended_at=ago(10))
    call_bill(tenant=acme, call_id=call.pk, report=report_of(call, []))
    sweep()
    assert refreshed(call).is_billed
    assert LedgerEntry.objects.get().source == "report"


def test_call_that_nobody_answered_costs_nothing(make_call: Any, sweep: Sweep) -> None:
    call = make_call(room=False, state="missed", ended_reason="caller_hangup", ended_at=ago(30))
    sweep()
    assert refreshed(call).is_billed
    assert not LedgerEntry.objects.exists()


def test_other_tenants_calls_are_swept_in_their_own_schema(
    running: Any, sweep: Sweep, globex: Tenant, livekit: FakeLiveKit
) -> None:
    acme_call = running()
    with schema_context("globex"):
        other = Call.objects.create(
            channel="webrtc", room_name="call_globex_1", caller_identity="x", joined_at=ago(20), started_at=ago(20)
        )
    sweep()
    with schema_context("globex"):
        assert Call.objects.get(pk=other.pk).state == "missed"
    assert refreshed(acme_call).is_live
