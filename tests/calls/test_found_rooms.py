"""A caller in a room that somebody else made for an agent: called by webhook or found by the sweeper, and answered once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django_tenants.utils import schema_context

from apps.calls.livekit import Participant
from apps.calls.models import Call
from apps.calls.payloads import webhook_participant
from apps.calls.sentences import SENTENCES
from apps.compass.models import Agent
from apps.compass.services import agent_disable
from apps.core.models import InboundEvent
from apps.core.tokens import token_read
from apps.tenants.models import Tenant
from apps.tenants.services_company import tenant_suspend
from tests.billing.limits import limit
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import Sweep, ago
from tests.calls.webhooks import event
from tests.compass.factories import agent_published

pytestmark = pytest.mark.django_db
ROOM = "shop-counter-7"
VISITOR = Participant("visitor", name="Maria", joined_at=1)
MAY_SPEAK = {"canSubscribe": True, "canPublish": True}
UNKNOWN_ID = "0198c0de-0000-7000-8000-000000000001"
Come = Callable[..., None]


@pytest.fixture
def room(livekit: FakeLiveKit, reception: Agent) -> Callable[..., str]:
    """Makes a room that asks for acme's Reception, unless told otherwise, with the visitor in it."""

    def make(*people: Participant, name: str = ROOM, **metadata: Any) -> str:
        asked = {"tenant": "acme", "agent_id": str(reception.pk), **metadata}
        made = livekit.room(name, *(people or (VISITOR,)))
        made.metadata, made.created_at = json.dumps(asked), int(ago(10).timestamp())
        return name

    return make


@pytest.fixture(params=["webhook", "sweeper"])
def come(request: pytest.FixtureRequest, livekit: FakeLiveKit, deliver: Deliver, sweep: Sweep) -> Come:
    """What is in the room is told by webhook, or is left for the sweeper to find."""

    def tell(name: str = ROOM) -> None:
        if request.param == "sweeper":
            return sweep()
        for person in list(livekit.rooms[name].people.values()):
            deliver(joined(livekit, person, name))
        return None

    return tell


def joined(livekit: FakeLiveKit, person: Participant, name: str = ROOM) -> dict[str, Any]:
    permission = {"hidden": True} if person.listens_only else MAY_SPEAK
    who = {"kind": person.kind, "name": person.name, "attributes": person.attributes, "permission": permission}
    return event("participant_joined", name, identity=person.identity, participant=who) | {
        "room": {"name": name, "metadata": livekit.rooms[name].metadata}
    }


def calls_of(tenant: str) -> list[Call]:
    with schema_context(tenant):
        return list(Call.objects.all())


def asked(livekit: FakeLiveKit, name: str = ROOM) -> list[tuple[str, int]]:
    return livekit.dispatched(name)


@pytest.mark.parametrize("call_id", [{}, {"call_id": None}, {"call_id": UNKNOWN_ID}, {"call_id": "not a uuid"}])
@pytest.mark.parametrize("name", [ROOM, "call_acme_counter"])
def test_the_call_is_made_and_answered_once(
    name: str, call_id: dict[str, Any], room: Callable[..., str], come: Come, livekit: FakeLiveKit, reception: Agent
) -> None:
    room(name=name, **call_id)
    come(name)
    come(name)
    (call,) = calls_of("acme")
    assert (call.room_name, call.channel, call.state) == (name, "webrtc", "ringing")
    assert (call.caller_identity, call.caller_name) == ("visitor", "Maria")
    assert (call.agent_id, call.agent_slug) == (reception.pk, "reception")
    assert call.joined_at is not None
    assert asked(livekit, name) == [("atlas", 1), ("media-bot", 1)]
    assert calls_of("globex") == []


def test_the_agents_are_told_as_of_any_call(room: Callable[..., str], come: Come, livekit: FakeLiveKit, reception: Agent) -> None:
    room()
    come()
    (call,) = calls_of("acme")
    told = {"tenant": "acme", "agent_id": str(reception.pk), "call_id": str(call.pk)}
    assert json.loads(livekit.rooms[ROOM].metadata) == told
    metadata = livekit.metadata(ROOM, "atlas")
    assert told.items() <= metadata.items()
    assert token_read(metadata["token"], kind="call").subject_id == str(call.pk)
    assert livekit.metadata(ROOM, "media-bot")["ringback"] == "eu"


def test_the_agents_limits_are_the_calls(room: Callable[..., str], come: Come, acme: Tenant) -> None:
    with schema_context("acme"):
        patient = agent_published("patient", limits={"max_call_seconds": 60, "first_word_seconds": 9.5})
    room(agent_id=str(patient.pk))
    come()
    (call,) = calls_of("acme")
    assert (call.max_seconds, call.first_word_seconds) == (60, 9.5)


def test_webhook_and_sweeper_together_dispatch_once(
    room: Callable[..., str], deliver: Deliver, sweep: Sweep, livekit: FakeLiveKit
) -> None:
    room()
    late = joined(livekit, VISITOR)
    sweep()
    deliver(late)
    deliver({**late, "id": "EV_late_again"})
    sweep()
    assert len(calls_of("acme")) == 1
    assert asked(livekit) == [("atlas", 1), ("media-bot", 1)]


@pytest.mark.parametrize(
    "person",
    [
        Participant("agent-AJ_9", "AGENT", attributes={"lk.agent_name": "atlas"}),
        Participant("recorder", "EGRESS"),
        Participant("stream", "INGRESS"),
        Participant("ear", listens_only=True),
    ],
    ids=lambda person: person.identity,
)
def test_who_cannot_be_a_caller_is_none(person: Participant, room: Callable[..., str], come: Come, livekit: FakeLiveKit) -> None:
    room(person)
    come()
    assert calls_of("acme") == []
    assert asked(livekit) == []


def test_the_caller_beside_a_listener_is_found(room: Callable[..., str], come: Come, livekit: FakeLiveKit) -> None:
    room(Participant("ear", listens_only=True), VISITOR, Participant("late-comer", joined_at=9))
    come()
    (call,) = calls_of("acme")
    assert call.caller_identity == "visitor"
    assert len(asked(livekit)) == 2


@pytest.mark.parametrize(("name", "tenant"), [("call_globex_1", "acme"), ("call_acme_1", "globex"), ("call_nobody_1", "acme")])
def test_a_room_that_speaks_of_two_companies_is_nobodys(
    name: str, tenant: str, room: Callable[..., str], come: Come, livekit: FakeLiveKit, globex: Tenant
) -> None:
    room(name=name, tenant=tenant)
    come(name)
    assert calls_of("acme") == calls_of("globex") == []
    assert asked(livekit, name) == []
    row = InboundEvent.objects.get()
    assert (row.state, row.schema_name) == ("ignored", "")
    assert "speak of two companies" in row.note


@pytest.mark.parametrize(
    "metadata", ["", "not json", "[]", '{"agent_id": "x"}', '{"tenant": "acme"}', '{"tenant": "acme", "agent_id": null}']
)
def test_a_room_that_asks_for_no_agent_is_left_alone(
    metadata: str, room: Callable[..., str], come: Come, livekit: FakeLiveKit
) -> None:
    room()
    livekit.rooms[ROOM].metadata = metadata
    come()
    assert calls_of("acme") == []
    assert asked(livekit) == []
    assert livekit.deleted == []


def test_an_agent_of_another_company_is_refused_as_unknown(
    room: Callable[..., str], come: Come, livekit: FakeLiveKit, globex: Tenant
) -> None:
    with schema_context("globex"):
        theirs = agent_published()
    room(agent_id=str(theirs.pk))
    come()
    (call,) = calls_of("acme")
    assert (call.state, call.ended_reason, call.agent_slug) == ("failed", "no_agent", "")
    assert calls_of("globex") == []
    assert asked(livekit) == [("media-bot", 1)]


@pytest.mark.parametrize(
    ("agent_id", "says", "detail"), [("reception", "not_in_service", "no such agent"), (None, "unavailable", "switched off")]
)
def test_who_cannot_be_answered_hears_why_and_the_row_says_it(
    agent_id: str | None,
    says: str,
    detail: str,
    room: Callable[..., str],
    come: Come,
    livekit: FakeLiveKit,
    reception: Agent,
    post_events: Any,
) -> None:
    with schema_context("acme"):
        agent_disable(agent=reception)
    room(**({"agent_id": agent_id} if agent_id else {}))
    come()
    come()
    (call,) = calls_of("acme")
    assert (call.state, call.ended_reason) == ("failed", "no_agent")
    assert detail in call.detail
    assert asked(livekit) == [("media-bot", 1)]
    assert livekit.metadata(ROOM, "media-bot")["announcement"]["text"] == SENTENCES[says]["en"]
    closed = {"seq": 0, "source": "media-bot", "type": "state", "state": "closed", "detail": "announced"}
    assert post_events(call, [closed]).status_code == 200
    assert livekit.deleted == [ROOM]


def test_a_spend_limit_holds_here_too(room: Callable[..., str], come: Come, livekit: FakeLiveKit, acme: Tenant) -> None:
    limit(acme, "0", reached="people")
    room()
    come()
    (call,) = calls_of("acme")
    assert (call.state, call.ended_reason) == ("failed", "spend_limit")
    assert asked(livekit) == [("media-bot", 1)]


def test_a_call_of_another_room_is_not_taken_over(
    room: Callable[..., str], come: Come, livekit: FakeLiveKit, running: Callable[..., Call]
) -> None:
    call = running()
    room(call_id=str(call.pk))
    come()
    assert [known.pk for known in calls_of("acme")] == [call.pk]
    assert asked(livekit) == []


def test_leaving_ends_it_also_when_it_is_heard_first(
    room: Callable[..., str], deliver: Deliver, sweep: Sweep, livekit: FakeLiveKit
) -> None:
    room()
    coming = joined(livekit, VISITOR)
    leaving = {**coming, "id": "EV_left", "event": "participant_left"}
    leaving["participant"] = {**coming["participant"], "disconnectReason": "CLIENT_INITIATED"}
    deliver(leaving)
    assert calls_of("acme") == []
    livekit.rooms[ROOM].people.clear()
    deliver(coming)
    sweep()
    with schema_context("acme"):
        Call.objects.update(left_at=ago(7))
    sweep()
    (call,) = calls_of("acme")
    assert (call.state, call.ended_reason) == ("missed", "caller_hangup")
    assert livekit.deleted == [ROOM]


def test_the_callers_leaving_ends_the_call(room: Callable[..., str], deliver: Deliver, livekit: FakeLiveKit) -> None:
    room()
    coming = joined(livekit, VISITOR)
    deliver(coming)
    who = {**coming["participant"], "disconnectReason": "CLIENT_INITIATED"}
    deliver({**coming, "id": "EV_left", "event": "participant_left", "participant": who})
    (call,) = calls_of("acme")
    assert (call.state, call.ended_reason) == ("missed", "caller_hangup")
    assert livekit.deleted == [ROOM]


def test_a_suspended_company_takes_none(room: Callable[..., str], come: Come, livekit: FakeLiveKit, acme: Tenant) -> None:
    room()
    tenant_suspend(tenant=acme)
    come()
    come()
    assert calls_of("acme") == []
    assert asked(livekit) == [("media-bot", 1)]
    assert InboundEvent.objects.filter(state="ignored", note__contains="takes no calls here").count() >= 1


@pytest.mark.parametrize(
    ("permission", "listens"),
    [(None, False), (MAY_SPEAK, False), ({}, True), ({"canSubscribe": True}, True), ({**MAY_SPEAK, "hidden": True}, True)],
)
def test_who_only_listens_is_told_by_the_permission(permission: dict[str, Any] | None, listens: bool) -> None:
    who = {} if permission is None else {"permission": permission}
    assert webhook_participant(event("participant_joined", ROOM, identity="x", participant=who)).listens_only is listens
