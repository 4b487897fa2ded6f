"""The sweeper: what a lost webhook, a dead agent or a dead worker left behind is put right."""

import time
from typing import Any

import pytest
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
from apps.calls.services.sweep import LOCK
from apps.tenants.models import Tenant
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import ATLAS, CALLER, MEDIA_BOT, ROOM, Sweep, ago, refreshed
from tests.calls.webhooks import NUMBER, SIP_ROOM, TRUNK

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize(("given", "shown"), [("Phone +15551111", "+15551111"), ("Maria Gonzales", "Maria Gonzales")])
def test_a_caller_is_called_by_a_name_or_the_number(phone: FakeLiveKit, sweep: Sweep, given: str, shown: str) -> None:
    """LiveKit names a caller who sends no name after the number (recorded: participant_joined of a SIP call)."""
    attributes = {"sip.trunkID": TRUNK, "sip.trunkPhoneNumber": NUMBER, "sip.phoneNumber": "+15551111"}
    phone.room(SIP_ROOM, Participant("sip_1", "SIP", given, attributes))
    sweep()
    with schema_context("acme"):
        assert Call.objects.get().caller == shown


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
    call = make_call(CALLER, MEDIA_BOT, state="failed", ended_at=ago(20))
    with schema_context("acme"):
        Dispatch.objects.create(
            call=call,
            agent_name="media-bot",
            state="joined",
            identity=MEDIA_BOT.identity,
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


def test_call_is_not_billed_from_its_events_while_its_agent_cannot_send_the_bill(
    make_call: Any, sweep: Sweep, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    price_book_seed()
    ended = {"state": "completed", "ended_reason": "caller_hangup", "joined_at": ago(60), "answered_at": ago(59)}
    call = make_call(room=False, **ended, started_at=ago(61), ended_at=ago(40))
    with schema_context("acme"):
        _usage(call, "atlas", 1, 5)
    monkeypatch.setattr(calm, "web_answers", lambda: False)
    sweep()
    assert not refreshed(call).is_billed
    monkeypatch.setattr(calm, "web_answers", lambda: True)
    sweep()  # the web side is back, and Atlas has not tried again yet
    assert not LedgerEntry.objects.exists()
    report = report_of(call, [{"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": 17.0}])
    call_bill(tenant=acme, call_id=call.pk, report=report)
    sweep()
    entry = LedgerEntry.objects.get()
    assert (entry.source, entry.usage[0]["audio_duration"]) == ("report", 17.0)
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
