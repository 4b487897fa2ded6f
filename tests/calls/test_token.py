"""POST /api/v1/calls/token: who may start a call, what the caller gets, and plain refusals."""

import json
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django_tenants.utils import schema_context
from redis.exceptions import ConnectionError as RedisConnectionError

from apps.calls.models import Call
from apps.compass.services import agent_create, agent_disable
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.webhooks import event
from tests.compass.factories import LOCAL, agent_published

pytestmark = pytest.mark.django_db
PATH = "/api/v1/calls/token"


def ask(client: Client, agent: str = "reception", **headers: str) -> Any:
    with schema_context("public"):
        return client.post(PATH, {"agent": agent}, content_type="application/json", headers=headers)


@pytest.fixture
def visitor(client_for: Any) -> Client:
    return client_for(None, "acme")


def test_anybody_gets_a_way_into_one_room(visitor: Client, reception: Any, livekit: FakeLiveKit) -> None:
    answer = ask(visitor)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"server_url", "participant_token", "room_name", "call_id"}
    with schema_context("acme"):
        call = Call.objects.get(pk=body["call_id"])
    assert body["room_name"] == call.room_name == f"call_acme_{call.pk}"
    assert (call.state, call.channel, call.agent_slug, call.joined_at) == ("ringing", "webrtc", "reception", None)
    assert json.loads(livekit.rooms[call.room_name].metadata) == {
        "tenant": "acme",
        "agent_id": str(reception.pk),
        "call_id": str(call.pk),
    }
    claims = jwt.decode(body["participant_token"], settings.LIVEKIT_API_SECRET, algorithms=["HS256"])
    assert claims["sub"] == call.caller_identity
    assert claims["exp"] - claims["nbf"] <= 120
    assert claims["video"] == {
        "roomJoin": True,
        "room": call.room_name,
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": False,
        "canPublishSources": ["microphone"],
        "canUpdateOwnMetadata": False,
    }


@pytest.mark.parametrize("records", [True, False])
def test_the_call_remembers_whether_its_agent_records(visitor: Client, acme: Tenant, livekit: FakeLiveKit, records: bool) -> None:
    with schema_context("acme"):
        agent_published(media_bot={"record": records})
    call_id = ask(visitor).json()["call_id"]
    with schema_context("acme"):
        assert Call.objects.get(pk=call_id).records is records


def test_by_id_too(visitor: Client, reception: Any, livekit: FakeLiveKit) -> None:
    assert ask(visitor, str(reception.pk)).status_code == 201


def test_join_then_dispatches(visitor: Client, reception: Any, livekit: FakeLiveKit, deliver: Deliver) -> None:
    room = ask(visitor).json()["room_name"]
    with schema_context("acme"):
        identity = Call.objects.get().caller_identity
    deliver(event("participant_joined", room, identity="somebody-else"))
    assert livekit.dispatched(room) == []
    deliver(event("participant_joined", room, identity=identity))
    assert livekit.dispatched(room) == [("atlas", 1), ("media-bot", 1)]


def test_lost_join_is_made_up_for_by_the_track(visitor: Client, reception: Any, livekit: FakeLiveKit, deliver: Deliver) -> None:
    room = ask(visitor).json()["room_name"]
    with schema_context("acme"):
        identity = Call.objects.get().caller_identity
    deliver(event("track_published", room, identity=identity))
    assert livekit.dispatched(room) == [("atlas", 1), ("media-bot", 1)]


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("CLIENT_INITIATED", "missed"),
        ("DUPLICATE_IDENTITY", "ringing"),
        ("STATE_MISMATCH", "ringing"),
        ("CONNECTION_TIMEOUT", "ringing"),
    ],
)
def test_leaving_by_reason(
    reason: str, state: str, visitor: Client, reception: Any, livekit: FakeLiveKit, deliver: Deliver, only_call: Any
) -> None:
    room = ask(visitor).json()["room_name"]
    identity = only_call().caller_identity
    deliver(event("participant_joined", room, identity=identity))
    deliver(event("participant_left", room, identity=identity, participant={"disconnectReason": reason}))
    assert only_call().state == state
    deliver(event("participant_joined", room, identity=identity))
    assert only_call().left_at is None


def test_connection_aborted_waits_for_another_try(
    visitor: Client, reception: Any, livekit: FakeLiveKit, deliver: Deliver, only_call: Any
) -> None:
    room = ask(visitor).json()["room_name"]
    deliver(event("participant_connection_aborted", room, identity=only_call().caller_identity))
    assert only_call().state == "ringing"
    deliver(event("room_finished", room))
    assert (only_call().state, only_call().detail) == ("missed", "The caller never came into the room.")


@pytest.mark.parametrize("agent", ["nobody", "0198c0de-0000-7000-8000-000000000001", "../../x"])
def test_unknown_agent_is_a_404(agent: str, visitor: Client, reception: Any, livekit: FakeLiveKit) -> None:
    answer = ask(visitor, agent)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_agent")


def test_agent_of_another_tenant_is_a_404(client_for: Any, reception: Any, livekit: FakeLiveKit) -> None:
    assert ask(client_for(None, "globex"), str(reception.pk)).status_code == 404


def test_disabled_and_unpublished_are_a_409_with_a_sentence(visitor: Client, reception: Any, livekit: FakeLiveKit) -> None:
    with schema_context("acme"):
        agent_disable(agent=reception)
        agent_create(slug="fresh", name="Fresh", config=LOCAL)
    for agent, code in (("reception", "agent_disabled"), ("fresh", "not_published")):
        answer = ask(visitor, agent)
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        assert answer.json()["detail"].endswith(".")
    with schema_context("acme"):
        assert not Call.objects.exists()


def test_livekit_down_is_a_503_and_the_call_says_why(visitor: Client, reception: Any, livekit: FakeLiveKit) -> None:
    livekit.down = True
    answer = ask(visitor)
    assert (answer.status_code, answer.json()["code"]) == (503, "livekit_unreachable")
    with schema_context("acme"):
        call = Call.objects.get()
    assert (call.state, call.ended_reason) == ("failed", "error")
    assert "LiveKit is down" in call.detail


@pytest.mark.parametrize("body", [{}, {"agent": ""}, {"agent": "x" * 64}, {"agent": ["a"]}])
def test_bad_body_is_a_400(body: Any, visitor: Client, livekit: FakeLiveKit) -> None:
    with schema_context("public"):
        answer = visitor.post(PATH, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call a minute."""
    monkeypatch.setattr("apps.calls.throttles.CallPageThrottle.THROTTLE_RATES", {"call_page": "1/min"})


def test_strangers_are_limited_per_tenant_and_address(
    strict: None, visitor: Client, client_for: Any, reception: Any, livekit: FakeLiveKit
) -> None:
    assert ask(visitor).status_code == 201
    refused = ask(visitor)
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert int(refused["Retry-After"]) > 0
    assert ask(client_for(None, "globex")).status_code == 404


def test_members_and_keys_are_not_limited(
    strict: None, client_for: Any, alice: Any, visitor: Client, reception: Any, livekit: FakeLiveKit
) -> None:
    member = client_for(alice, "acme")
    assert [ask(member).status_code for _ in range(2)] == [201, 201]
    with schema_context("acme"):
        assert Call.objects.first().caller_name == "Alice"
    _, key = api_key_create(tenant=Tenant.objects.get(schema_name="acme"), name="crm", scopes=["calls:write"])
    assert [ask(visitor, Authorization=f"Api-Key {key}").status_code for _ in range(2)] == [201, 201]


def test_a_key_without_the_scope_is_told_which(
    visitor: Client, client_for: Any, acme: Tenant, reception: Any, livekit: FakeLiveKit
) -> None:
    _, key = api_key_create(tenant=acme, name="crm", scopes=["calls:read"])
    answer = ask(visitor, Authorization=f"Api-Key {key}")
    assert (answer.status_code, answer.json()["code"], answer.json()["scope"]) == (403, "scope_missing", "calls:write")


def test_key_of_another_tenant_is_refused(visitor: Client, client_for: Any, reception: Any, livekit: FakeLiveKit) -> None:
    globex = Tenant.objects.get(schema_name="globex")
    _, key = api_key_create(tenant=globex, name="crm", scopes=["calls:write"])
    assert ask(visitor, Authorization=f"Api-Key {key}").status_code == 401


def test_without_redis_calls_go_on(
    monkeypatch: pytest.MonkeyPatch, visitor: Client, reception: Any, livekit: FakeLiveKit
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RedisConnectionError("away")

    monkeypatch.setattr(cache, "get", broken)
    assert ask(visitor).status_code == 201
