"""Callers whom no company here serves and whose webhook was lost: the sentence, the end, and a row that says why."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django_tenants.utils import schema_context

from apps.calls.livekit import Participant
from apps.calls.models import Call, PhoneNumber
from apps.calls.sentences import SENTENCES
from apps.calls.services.alone import key_of
from apps.core.models import InboundEvent, OutboundEffect
from apps.core.outbox import outbox_drain
from apps.tenants.models import Tenant
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import Sweep, ago
from tests.calls.webhooks import CALLER, NUMBER, SIP_ROOM, TRUNK, recorded

pytestmark = pytest.mark.django_db
ROOMS = ["call-_sipp_x", "call_nobody_sipp_x", SIP_ROOM]


def caller(trunk: str = TRUNK) -> Participant:
    attributes = {"sip.trunkID": trunk, "sip.trunkPhoneNumber": NUMBER, "sip.phoneNumber": "+15551111"}
    return Participant(CALLER, "SIP", "Phone +15551111", attributes)


@pytest.fixture
def room(livekit: FakeLiveKit, acme: Tenant) -> Callable[..., str]:
    """A room of a few seconds with somebody on the phone in it."""

    def make(name: str = ROOMS[0], *, age: float = 10, person: Participant | None = None) -> str:
        livekit.room(name, person or caller()).created_at = int(time.time() - age)
        return name

    return make


@pytest.mark.parametrize("name", ROOMS)
def test_a_lost_webhook_is_made_up_for_once(name: str, room: Callable[..., str], sweep: Sweep, livekit: FakeLiveKit) -> None:
    room(name)
    sweep()
    sweep()
    assert livekit.dispatched(name) == [("media-bot", 1)]
    metadata = livekit.metadata(name, "media-bot")
    assert metadata["announcement"] == {"text": SENTENCES["not_in_service"]["en"], "language": "en", "end_call": True}
    assert (metadata["tenant"], metadata["token"]) == (None, None)
    row = InboundEvent.objects.get()
    assert (row.provider, row.kind, row.state, row.schema_name) == ("livekit", "participant_joined", "ignored", "")
    assert f"The trunk {TRUNK} belongs to no tenant here; the caller was told so." in row.note
    with schema_context("acme"):
        assert not Call.objects.exists()


@pytest.mark.parametrize("webhook_first", [True, False])
def test_beside_its_webhook_the_sentence_is_said_once(
    webhook_first: bool, room: Callable[..., str], sweep: Sweep, deliver: Deliver, livekit: FakeLiveKit
) -> None:
    name = room()
    steps: list[Callable[[], Any]] = [lambda: deliver(recorded("02_", room=name)), sweep]
    for step in steps if webhook_first else steps[::-1]:
        step()
    sweep()
    assert livekit.dispatched(name) == [("media-bot", 1)]
    assert InboundEvent.objects.count() == (1 if webhook_first else 2)


def test_two_who_tell_at_the_same_time_are_one(room: Callable[..., str], deliver: Deliver, livekit: FakeLiveKit) -> None:
    name, other = room(), connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [key_of(name)])
    deliver(recorded("02_", room=name))
    assert livekit.dispatched(name) == []
    assert InboundEvent.objects.get().state == "pending"
    with other.cursor() as cursor:  # closed alone, it lets go some time later
        cursor.execute("SELECT pg_advisory_unlock(%s)", [key_of(name)])
    other.close()
    deliver(recorded("02_", room=name, fresh=True))
    assert livekit.dispatched(name) == [("media-bot", 1)]


def test_livekit_away_delays_it(room: Callable[..., str], sweep: Sweep, livekit: FakeLiveKit) -> None:
    name = room()
    livekit.refuse.add("participants_list")
    sweep()
    assert livekit.dispatched(name) == []
    livekit.refuse.clear()
    sweep()
    assert livekit.dispatched(name) == [("media-bot", 1)]


@pytest.mark.parametrize("age", [0, 3600])
def test_rooms_too_new_or_too_old_are_left_alone(
    age: float, room: Callable[..., str], sweep: Sweep, livekit: FakeLiveKit
) -> None:
    name = room(age=age)
    sweep()
    assert livekit.dispatched(name) == []
    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize("person", [Participant("somebody"), Participant("agent-AJ_1", "AGENT"), Participant("ear", "EGRESS")])
def test_other_products_rooms_are_none_of_ours(
    person: Participant, room: Callable[..., str], sweep: Sweep, livekit: FakeLiveKit
) -> None:
    name = room(person=person)
    sweep()
    assert livekit.dispatched(name) == []
    assert not InboundEvent.objects.exists()


def test_a_trunk_of_ours_whose_rooms_have_other_names_makes_the_call(
    phone: FakeLiveKit, room: Callable[..., str], sweep: Sweep
) -> None:
    name = room()
    sweep()
    sweep()
    with schema_context("acme"):
        call = Call.objects.get()
    assert (call.room_name, call.state, call.to_number) == (name, "ringing", NUMBER)
    assert phone.dispatched(name) == [("atlas", 1), ("media-bot", 1)]


@pytest.mark.parametrize("name", [SIP_ROOM, ROOMS[0]])
def test_an_unknown_number_whose_webhook_was_lost(name: str, phone: FakeLiveKit, room: Callable[..., str], sweep: Sweep) -> None:
    with schema_context("acme"):
        PhoneNumber.objects.all().delete()
    room(name)
    sweep()
    sweep()
    with schema_context("acme"):
        call = Call.objects.get()
    assert (call.state, call.ended_reason) == ("failed", "no_agent")
    assert f"{NUMBER} is mapped to no agent" in call.detail
    assert phone.dispatched(name) == [("media-bot", 1)]
    assert phone.metadata(name, "media-bot")["announcement"]["text"] == SENTENCES["not_in_service"]["en"]


def test_the_room_is_closed_when_nobody_says_or_ends_the_sentence(
    room: Callable[..., str], sweep: Sweep, livekit: FakeLiveKit
) -> None:
    name = room()
    sweep()
    effect = OutboundEffect.objects.get(kind="calls.stranger_close")
    assert (effect.state, livekit.deleted) == ("pending", [])
    OutboundEffect.objects.update(available_at=ago(1), payload={**effect.payload, "until": ago(1).isoformat()})
    with schema_context("public"):
        outbox_drain()
    assert livekit.deleted == [name]
    effect.refresh_from_db()
    assert effect.state == "done"


def test_a_caller_who_hung_up_meanwhile_is_no_trouble(room: Callable[..., str], sweep: Sweep, livekit: FakeLiveKit) -> None:
    room()
    sweep()
    livekit.rooms.clear()
    effect = OutboundEffect.objects.get(kind="calls.stranger_close")
    OutboundEffect.objects.update(available_at=ago(1), payload={**effect.payload, "until": ago(1).isoformat()})
    with schema_context("public"):
        outbox_drain()
    effect.refresh_from_db()
    assert effect.state == "done"
