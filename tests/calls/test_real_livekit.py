"""The same Call Service against a real livekit-server with its webhooks: rooms, dispatch, SIP trunks, callers of both kinds."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django_tenants.utils import schema_context
from livekit import rtc
from livekit.api import AccessToken, VideoGrants

from apps.calls.livekit import InboundTrunk, LiveKitRefused, LiveKitServer, RoomGone
from apps.calls.models import Call
from apps.calls.services.numbers import number_set
from apps.calls.services.sweep import calls_sweep
from apps.calls.services.trunks import sip_trunk_change, sip_trunk_create, sip_trunk_delete
from apps.compass.models import Agent
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant
from tests.calls.real_server import server, wait_for
from tests.calls.webhooks import NUMBER
from tests.compass.factories import agent_published

__all__ = ["server"]
pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def agent(acme: Tenant) -> Agent:
    with schema_context("acme"):
        return agent_published()


def agents_asked(server: LiveKitServer, room: str) -> list[str]:
    try:
        return sorted(dispatch.agent_name for dispatch in server.dispatches_list(room))
    except RoomGone:
        return []


def call_in(state: str) -> Callable[[], Call | None]:
    def look() -> Call | None:
        with schema_context("acme"):
            return Call.objects.filter(state=state).first()

    return look


def sip_token(room: str, trunk_id: str, number: str) -> str:
    """A caller as livekit-sip brings one in, with the attributes of a recorded call."""
    attributes = {
        "sip.callID": "SCL_1",
        "sip.callIDFull": "1-27392@127.0.0.1",
        "sip.callStatus": "ringing",
        "sip.phoneNumber": "+15551111",
        "sip.trunkID": trunk_id,
        "sip.trunkPhoneNumber": number,
    }
    token = AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET).with_identity("sip_+15551111").with_kind("sip")
    grants = VideoGrants(room_join=True, room=room)
    return (
        token.with_name("Phone +15551111").with_attributes(attributes).with_grants(grants).with_ttl(timedelta(minutes=1)).to_jwt()
    )


async def in_room(url: str, token: str, meanwhile: Callable[[], Any]) -> Any:
    """Joins, runs `meanwhile` in a thread, and leaves as a caller who hangs up."""
    room = rtc.Room()
    await room.connect(url, token)
    try:
        return await asyncio.to_thread(meanwhile)
    finally:
        await room.disconnect()


def test_rooms_and_dispatches(server: LiveKitServer) -> None:
    server.room_create("r1", '{"a": 1}', empty_seconds=30, departure_seconds=5, most=3)
    assert [(room.name, room.metadata, room.participants) for room in server.rooms_list()] == [("r1", '{"a": 1}', 0)]
    server.room_metadata_set("r1", "{}")
    wait_for(lambda: server.rooms_list()[0].metadata == "{}", "the new metadata")
    dispatch = server.dispatch_create("r1", "atlas", '{"attempt": 1}')
    assert [(d.id, d.agent_name, d.metadata) for d in server.dispatches_list("r1")] == [(dispatch, "atlas", '{"attempt": 1}')]
    server.dispatch_delete("r1", dispatch)
    wait_for(lambda: server.dispatches_list("r1") == [], "the dispatch's deletion")
    assert server.participants_list("r1") == []
    server.room_delete("r1")
    wait_for(lambda: server.rooms_list() == [], "the room's deletion")


def test_what_is_gone_is_said_to_be_gone(server: LiveKitServer) -> None:
    for ask in (server.room_delete, server.dispatches_list):
        with pytest.raises(RoomGone):
            ask("nowhere")
    for gone in (lambda: server.participant_remove("nowhere", "x"), lambda: server.room_metadata_set("nowhere", "{}")):
        with pytest.raises(RoomGone):
            gone()
    assert server.participants_list("nowhere") == []


def test_wrong_secret_is_refused(server: LiveKitServer) -> None:
    stranger = LiveKitServer(settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, "x" * 40)
    with pytest.raises(LiveKitRefused):
        stranger.rooms_list()


def test_trunks_are_made_and_deleted(server: LiveKitServer, acme: Tenant) -> None:
    with schema_context("acme"):
        by_address = sip_trunk_create(name="Office", numbers=["+12125550100"], allowed_addresses=["10.0.0.0/8"])
        by_password = sip_trunk_create(name="Home", numbers=["801"], auth_user="pbx", auth_password="a-long-password")
        assert by_address.trunk_id.startswith("ST_")
        assert by_address.rule_id.startswith("SDR_")
        with pytest.raises(LiveKitRefused, match="Conflicting"):
            server.sip_trunk_create(InboundTrunk("Other", numbers=("801",), allowed_addresses=("192.0.2.1",)))
        for trunk in (by_address, by_password):
            sip_trunk_delete(trunk=trunk)
        again = server.sip_trunk_create(InboundTrunk("Other", numbers=("801",), allowed_addresses=("192.0.2.1",)))
    assert again.startswith("ST_")


def test_a_trunk_is_changed(server: LiveKitServer, acme: Tenant) -> None:
    with schema_context("acme"):
        trunk = sip_trunk_create(name="Office", numbers=["801"], allowed_addresses=["10.0.0.0/8"])
        sip_trunk_create(name="Home", numbers=["802"], auth_user="pbx", auth_password="a-long-password")
        with pytest.raises(PermanentError, match="takes 801, 802 already"):
            sip_trunk_change(trunk=trunk, numbers=["801", "802"])
        sip_trunk_change(trunk=trunk, name="Desk", numbers=["803"])
        assert trunk.numbers == ["803"] and server.sip_trunk_known(trunk.trunk_id)
    with pytest.raises(LiveKitRefused, match="Conflicting"):
        server.sip_trunk_create(InboundTrunk("Other", numbers=("803",), allowed_addresses=("192.0.2.1",)))
    assert server.sip_trunk_create(InboundTrunk("Other", numbers=("801",), allowed_addresses=("192.0.2.1",))).startswith("ST_")


def test_sip_caller_is_answered_and_hangs_up(server: LiveKitServer, acme: Tenant, agent: Agent) -> None:
    with schema_context("acme"):
        trunk = sip_trunk_create(name="Office", numbers=[NUMBER], allowed_addresses=["127.0.0.1"])
        number_set(number=NUMBER, agent_id=agent.pk)
    room = "call_acme_+15551111_abc"

    def answered() -> Call:
        wait_for(lambda: agents_asked(server, room) == ["atlas", "media-bot"], "the dispatch of both")
        return wait_for(call_in("ringing"), "the call's record")

    call = asyncio.run(in_room(settings.LIVEKIT_URL, sip_token(room, trunk.trunk_id, NUMBER), answered))
    assert (call.channel, call.room_name, call.to_number, call.agent_id) == ("sip", room, NUMBER, agent.pk)
    assert (call.from_number, call.sip_trunk_id) == ("+15551111", trunk.trunk_id)
    wait_for(call_in("missed"), "the end of the call")
    wait_for(lambda: server.rooms_list() == [], "the deletion of the room")


def test_unknown_number_is_refused_with_a_sentence(server: LiveKitServer, acme: Tenant) -> None:
    with schema_context("acme"):
        trunk = sip_trunk_create(name="Office", numbers=[NUMBER], allowed_addresses=["127.0.0.1"])
    room = "call_acme_+15551111_def"

    def refused() -> Call:
        wait_for(lambda: agents_asked(server, room) == ["media-bot"], "the dispatch of Media Bot")
        announcement = json.loads(server.dispatches_list(room)[0].metadata)["announcement"]
        assert "not in service" in announcement["text"]
        return wait_for(call_in("failed"), "the refusal")

    call = asyncio.run(in_room(settings.LIVEKIT_URL, sip_token(room, trunk.trunk_id, NUMBER), refused))
    assert call.ended_reason == "no_agent"
    assert NUMBER in call.detail


def test_browser_caller(server: LiveKitServer, agent: Agent, client_for: Callable[..., Client]) -> None:
    with schema_context("public"):
        ticket = (
            client_for(None, "acme").post("/api/v1/calls/token", {"agent": "reception"}, content_type="application/json").json()
        )
    room = ticket["room_name"]

    def answered() -> bool:
        return wait_for(lambda: agents_asked(server, room) == ["atlas", "media-bot"], "the dispatch of both")

    asyncio.run(in_room(ticket["server_url"], ticket["participant_token"], answered))

    def missed() -> bool:
        with schema_context("acme"):
            return Call.objects.filter(pk=ticket["call_id"], state="missed").exists()

    assert wait_for(missed, "the end of the call")


def test_callers_token_opens_one_room_only(server: LiveKitServer, agent: Agent, client_for: Callable[..., Client]) -> None:
    with schema_context("public"):
        ticket = (
            client_for(None, "acme").post("/api/v1/calls/token", {"agent": "reception"}, content_type="application/json").json()
        )
    answer = httpx.post(
        settings.LIVEKIT_URL.replace("ws", "http") + "/twirp/livekit.RoomService/ListRooms",
        json={},
        headers={"Authorization": f"Bearer {ticket['participant_token']}"},
        timeout=30,
    )
    assert answer.status_code == 401


def test_sweeper_finds_a_caller_whose_webhook_was_lost(
    server: LiveKitServer, acme: Tenant, agent: Agent, monkeypatch: Any
) -> None:
    monkeypatch.setattr("apps.core.inbox.inbox_wake", lambda: None)  # stored, and nobody works on it
    with schema_context("acme"):
        trunk = sip_trunk_create(name="Office", numbers=[NUMBER], allowed_addresses=["127.0.0.1"])
        number_set(number=NUMBER, agent_id=agent.pk)
    room = "call_acme_+15551111_ghi"

    def found() -> list[str]:
        def swept() -> bool:
            calls_sweep()
            return agents_asked(server, room) == ["atlas", "media-bot"]

        return wait_for(swept, "the sweeper's dispatch")

    asyncio.run(in_room(settings.LIVEKIT_URL, sip_token(room, trunk.trunk_id, NUMBER), found))


def visitor_token(room: str, identity: str, **grants: bool) -> str:
    """A way in that somebody else's server gave."""
    token = AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET).with_identity(identity)
    return token.with_grants(VideoGrants(room_join=True, room=room, **grants)).with_ttl(timedelta(minutes=1)).to_jwt()


@pytest.mark.parametrize("lost", [False, True])
def test_a_caller_in_a_room_that_somebody_else_made(
    lost: bool, server: LiveKitServer, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lost:
        monkeypatch.setattr("apps.core.inbox.inbox_wake", lambda: None)
    room, asked = "shop-counter-7", json.dumps({"tenant": "acme", "agent_id": str(agent.pk)})
    server.room_create(room, asked, empty_seconds=30, departure_seconds=5, most=8)

    def looked() -> list[str]:
        if lost:
            calls_sweep()
        return agents_asked(server, room)

    def beside_a_listener() -> None:
        wait_for(lambda: [person.listens_only for person in server.participants_list(room)] == [True], "the listener's coming")
        assert looked() == []
        token = visitor_token(room, "visitor")
        asyncio.run(
            in_room(settings.LIVEKIT_URL, token, lambda: wait_for(lambda: looked() == ["atlas", "media-bot"], "both agents"))
        )

    asyncio.run(in_room(settings.LIVEKIT_URL, visitor_token(room, "ear", can_publish=False), beside_a_listener))
    with schema_context("acme"):
        call = Call.objects.get()
    assert (call.room_name, call.caller_identity, call.agent_slug) == (room, "visitor", "reception")
