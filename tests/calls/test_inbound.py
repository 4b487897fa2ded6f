"""A SIP call from its recorded webhooks: in order, in any order, twice, and of the wrong tenant."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from django_tenants.utils import schema_context

from apps.calls.models import Call, Dispatch
from apps.calls.services.numbers import number_set
from apps.core.models import InboundEvent
from apps.core.tokens import token_read
from apps.tenants.models import Route, Tenant
from apps.tenants.services import route_set
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.webhooks import ATLAS_IDENTITY, NAMES, NUMBER, SIP_ROOM, TRUNK, recorded
from tests.compass.factories import agent_published

pytestmark = pytest.mark.django_db
GetCall = Callable[[], Call]


def test_join_makes_the_call_and_dispatches_both_once(
    phone: FakeLiveKit, deliver: Deliver, only_call: GetCall, reception: Any
) -> None:
    deliver(recorded("02_"))
    call = only_call()
    assert (call.channel, call.state, call.agent_id, call.agent_slug) == ("sip", "ringing", reception.pk, "reception")
    assert (call.from_number, call.to_number, call.sip_trunk_id) == ("sipp", NUMBER, TRUNK)
    assert call.joined_at is not None
    assert phone.dispatched(SIP_ROOM) == [("atlas", 1), ("media-bot", 1)]
    assert f'"call_id": "{call.pk}"' in phone.rooms[SIP_ROOM].metadata


def test_limits_of_the_agent_are_the_calls(phone: FakeLiveKit, deliver: Deliver, only_call: GetCall) -> None:
    with schema_context("acme"):
        agent = agent_published("patient", limits={"max_call_seconds": 60, "first_word_seconds": 9.5})
        number_set(number=NUMBER, agent_id=agent.pk)
    deliver(recorded("02_"))
    assert (only_call().max_seconds, only_call().first_word_seconds) == (60, 9.5)


def test_dispatch_metadata_is_the_contract(phone: FakeLiveKit, deliver: Deliver, only_call: GetCall, reception: Any) -> None:
    deliver(recorded("02_"))
    metadata, call = phone.metadata(SIP_ROOM, "atlas"), only_call()
    token = token_read(metadata.pop("token"), kind="call")
    assert (token.tenant, token.agent_id, token.subject_id) == ("acme", str(reception.pk), str(call.pk))
    assert metadata == {
        "tenant": "acme",
        "agent_id": str(reception.pk),
        "call_id": str(call.pk),
        "api_url": "http://localhost:8000",
        "attempt": 1,
    }
    assert phone.metadata(SIP_ROOM, "media-bot")["ringback"] == "eu"


RINGING = [("answer", "uk", "uk"), ("answer", "", "eu"), ("native", "", None), ("native", "uk", None)]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("ringback", "tone", "heard"), RINGING)
def test_the_numbers_own_ringing_reaches_media_bot(
    ringback: str, tone: str, heard: str | None, late: bool, phone: FakeLiveKit, deliver: Deliver, reception: Any
) -> None:
    with schema_context("acme"):
        number_set(number=NUMBER, agent_id=reception.pk, ringback=ringback, tone=tone)
    if late:  # what LiveKit did not take at first is sent by another, who reads the number again
        phone.refuse.add("dispatch_create")
        deliver(recorded("02_"))
        phone.refuse.clear()
    deliver(recorded("02_", fresh=True))
    metadata = phone.metadata(SIP_ROOM, "media-bot")
    assert (metadata["ringback"], "announcement" in metadata) == (heard, False)
    assert "ringback" not in phone.metadata(SIP_ROOM, "atlas")
    assert len(phone.dispatched(SIP_ROOM)) == 2


def test_atlas_joins_and_is_not_taken_for_a_caller(phone: FakeLiveKit, deliver: Deliver, only_call: GetCall) -> None:
    deliver(recorded("02_"))
    deliver(recorded("04_"))
    with schema_context("acme"):
        dispatch = Dispatch.objects.get(agent_name="atlas")
        assert (dispatch.state, dispatch.identity) == ("joined", ATLAS_IDENTITY)
    assert len(phone.dispatched(SIP_ROOM)) == 2


def test_caller_leaving_ends_it_and_deletes_the_room(phone: FakeLiveKit, deliver: Deliver, only_call: GetCall) -> None:
    for name in ("02_", "04_", "07_"):
        deliver(recorded(name))
    call = only_call()
    assert (call.state, call.ended_reason) == ("missed", "caller_hangup")
    assert "before the agent answered" in call.detail
    assert phone.deleted == [SIP_ROOM]
    assert call.room_deleted_at is not None


def test_whole_recording_in_order(phone: FakeLiveKit, deliver: Deliver, only_call: GetCall) -> None:
    for name in NAMES:
        assert deliver(recorded(name)).status_code == 200
    assert not only_call().is_live
    assert not InboundEvent.objects.filter(state__in=["pending", "processing", "dead"]).exists()


@pytest.mark.parametrize("order", itertools.permutations(("02_", "04_", "07_", "10_")))
def test_any_order_ends_in_one_call_that_is_over(
    order: tuple[str, ...], phone: FakeLiveKit, deliver: Deliver, only_call: GetCall
) -> None:
    for name in order:
        deliver(recorded(name))
    _over_and_asked_once_at_most(only_call())


@pytest.mark.parametrize("seed", range(12))
def test_all_shuffled_and_doubled(seed: int, phone: FakeLiveKit, deliver: Deliver, only_call: GetCall) -> None:
    names = NAMES * 2
    random.Random(seed).shuffle(names)
    for name in names:
        deliver(recorded(name))
    _over_and_asked_once_at_most(only_call())


def _over_and_asked_once_at_most(call: Call) -> None:
    assert call.state in ("missed", "completed")
    with schema_context("acme"):
        assert all(dispatch.attempt == 1 for dispatch in call.dispatches.all())
        assert call.dispatches.count() in (0, 2)


def test_repeats_with_new_ids_dispatch_once(phone: FakeLiveKit, deliver: Deliver) -> None:
    for _ in range(3):
        deliver(recorded("02_", fresh=True))
    assert phone.dispatched(SIP_ROOM) == [("atlas", 1), ("media-bot", 1)]


def test_livekit_down_is_tried_again_and_lists_first(phone: FakeLiveKit, deliver: Deliver, only_call: GetCall) -> None:
    phone.down = True
    deliver(recorded("02_"))
    event = InboundEvent.objects.get()
    assert (event.state, event.attempts) == ("pending", 1)
    phone.down = False
    deliver(recorded("02_", fresh=True))
    assert phone.dispatched(SIP_ROOM) == [("atlas", 1), ("media-bot", 1)]


def test_dispatch_that_arrived_unnoticed_is_taken_over(phone: FakeLiveKit, deliver: Deliver, only_call: GetCall) -> None:
    deliver(recorded("02_"))
    with schema_context("acme"):
        sent = dict(Dispatch.objects.values_list("agent_name", "dispatch_id"))
        Dispatch.objects.update(dispatch_id="", claimed_at=None)
    deliver(recorded("02_", fresh=True))
    assert len(phone.dispatched(SIP_ROOM)) == 2
    with schema_context("acme"):
        assert dict(Dispatch.objects.values_list("agent_name", "dispatch_id")) == sent


def test_trunk_of_another_tenant_is_refused(phone: FakeLiveKit, deliver: Deliver, globex: Tenant) -> None:
    Route.objects.all().delete()
    route_set(kind=Route.Kind.SIP_TRUNK, external_id=TRUNK, tenant=globex)
    deliver(recorded("02_"))
    for schema in ("acme", "globex"):
        with schema_context(schema):
            assert not Call.objects.exists()
    assert InboundEvent.objects.get().state == "ignored"
    assert phone.metadata(SIP_ROOM, "media-bot")["announcement"]["end_call"] is True


@pytest.mark.parametrize("room", ["call-_sipp_x", SIP_ROOM])
def test_unknown_trunk_hears_a_sentence_and_the_room_is_closed(
    livekit: FakeLiveKit, deliver: Deliver, acme: Tenant, room: str
) -> None:
    livekit.room(room)
    deliver(recorded("02_", room=room))
    event = InboundEvent.objects.get()
    assert (event.state, event.schema_name) == ("ignored", "")
    assert TRUNK in event.note
    metadata = livekit.metadata(room, "media-bot")
    assert (metadata["tenant"], metadata["agent_id"], metadata["token"]) == (None, None, None)
    assert "not in service" in metadata["announcement"]["text"]
    deliver(recorded("02_", room=room, fresh=True))
    assert len(livekit.rooms[room].dispatches) == 1
    deliver(recorded("09_", room=room))
    assert livekit.deleted == [room]


def test_rooms_of_other_products_are_left_alone(livekit: FakeLiveKit, deliver: Deliver, acme: Tenant) -> None:
    livekit.room("somebody-elses-room")
    livekit.dispatch_create("somebody-elses-room", "atlas", "{}")
    deliver(recorded("09_", room="somebody-elses-room"))
    assert livekit.deleted == []


def test_suspended_tenant_takes_no_calls(phone: FakeLiveKit, deliver: Deliver, acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(status=Tenant.Status.SUSPENDED)
    deliver(recorded("02_"))
    assert [name for name, _ in phone.dispatched(SIP_ROOM)] == ["media-bot"]


def test_latecomer_after_the_end_is_sent_away(phone: FakeLiveKit, deliver: Deliver) -> None:
    deliver(recorded("02_"))
    with schema_context("acme"):
        Call.objects.update(state="missed", ended_reason="caller_hangup")
    from apps.calls.livekit import Participant

    phone.room(SIP_ROOM, Participant(ATLAS_IDENTITY, "AGENT"))
    deliver(recorded("04_"))
    assert phone.removed == [ATLAS_IDENTITY]
