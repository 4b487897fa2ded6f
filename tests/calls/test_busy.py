"""All agents are in calls: the caller is told so, by voice, on the page, and at once while it is known to be so."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import schema_context
from redis.exceptions import ConnectionError as RedisConnectionError

from apps.billing.models import SpendHold
from apps.calls.models import Call, Dispatch
from apps.calls.sentences import SENTENCES
from apps.calls.services import busy
from apps.calls.services.busy import HOLD
from apps.tenants.models import Tenant
from tests.billing.limits import limit
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import ATLAS, CALLER, Sweep, ago, refreshed
from tests.calls.test_token import ask

pytestmark = pytest.mark.django_db
TURNED_AWAY = "call_acme_2"


@pytest.fixture
def visitor(client_for: Any) -> Client:
    return client_for(None, "acme")


@pytest.fixture
def turn_away(reception: Any, livekit: FakeLiveKit, sweep: Sweep) -> Callable[..., Call]:
    """A caller for whom Atlas was asked twice, the last time in vain too, and whom the sweeper then finds."""

    def make(*, identity: str = "") -> Call:
        livekit.room(TURNED_AWAY, CALLER)
        with schema_context("acme"):
            values = {"channel": "webrtc", "room_name": TURNED_AWAY, "agent_id": reception.pk, "caller_identity": CALLER.identity}
            call = Call.objects.create(**values, started_at=ago(10), joined_at=ago(9))
            asked = {"call": call, "agent_name": "atlas", "requested_at": ago(5)}
            Dispatch.objects.create(**asked, attempt=1, state="failed", dispatch_id="AD_1", identity=identity)
            Dispatch.objects.create(**asked, attempt=2, dispatch_id="AD_2")
        sweep()
        return refreshed(call)

    return make


def test_the_caller_hears_it_and_the_row_says_what_to_do(
    running: Callable[..., Call], turn_away: Callable[..., Call], livekit: FakeLiveKit
) -> None:
    running()
    call = turn_away()
    assert (call.state, call.ended_reason) == ("failed", "no_agent")
    assert call.detail.startswith("All agents are in other calls.")
    assert "MERIDIAN_MAX_CALLS" in call.detail
    assert livekit.metadata(TURNED_AWAY, "media-bot")["announcement"]["text"] == SENTENCES["busy"]["en"]


def test_the_callers_page_is_told_by_the_room(
    running: Callable[..., Call], turn_away: Callable[..., Call], livekit: FakeLiveKit
) -> None:
    running()
    call = turn_away()
    metadata = json.loads(livekit.rooms[TURNED_AWAY].metadata)
    assert metadata == {"tenant": "acme", "agent_id": str(call.agent_id), "call_id": str(call.pk), "refused": "busy"}


def test_calls_of_another_company_take_the_agents_too(
    turn_away: Callable[..., Call], globex: Tenant, livekit: FakeLiveKit
) -> None:
    with schema_context("globex"):
        values = {"channel": "webrtc", "room_name": "call_globex_1", "caller_identity": CALLER.identity, "state": "in_progress"}
        call = Call.objects.create(**values, agent_seen_at=ago(0.5), joined_at=ago(9))
        Dispatch.objects.create(call=call, agent_name="atlas", state="joined", identity=ATLAS.identity, spoke_at=ago(5))
    livekit.room("call_globex_1", CALLER, ATLAS)
    assert turn_away().detail.startswith("All agents are in other calls")


def test_without_any_call_no_agent_is_up_and_nobody_is_called_busy(
    turn_away: Callable[..., Call], livekit: FakeLiveKit, visitor: Client
) -> None:
    assert turn_away().detail == "Atlas was asked 2 times and did not stay. Is the agents worker up?"
    assert json.loads(livekit.rooms[TURNED_AWAY].metadata)["refused"] == "no_agent"
    assert ask(visitor).status_code == 201


def test_an_agent_that_came_and_left_was_not_busy(running: Callable[..., Call], turn_away: Callable[..., Call]) -> None:
    running()
    assert turn_away(identity="agent-AJ_3").detail.endswith("Is the agents worker up?")


def test_the_next_caller_is_told_at_once(
    running: Callable[..., Call], turn_away: Callable[..., Call], visitor: Client, livekit: FakeLiveKit, acme: Tenant
) -> None:
    limit(acme, "100")
    running()
    turn_away()
    rooms = set(livekit.rooms)
    answer = ask(visitor)
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (503, "application/problem+json", "busy")
    assert answer.json()["detail"] == "All lines are busy at the moment. Wait a little, then call again."
    assert int(answer["Retry-After"]) == HOLD.total_seconds()
    assert set(livekit.rooms) == rooms
    with schema_context("acme"):
        call = Call.objects.latest("started_at")
    assert (call.state, call.ended_reason) == ("failed", "no_agent")
    assert call.detail.startswith("All agents were in other calls")
    assert call.room_deleted_at is not None
    assert not SpendHold.objects.filter(source_id=str(call.pk)).exists()


def test_a_call_that_ends_makes_a_place(running: Callable[..., Call], turn_away: Callable[..., Call], visitor: Client) -> None:
    call = running()
    turn_away()
    assert ask(visitor).status_code == 503
    with schema_context("acme"):
        Call.objects.filter(pk=call.pk).update(state="completed", ended_at=ago(0))
    assert ask(visitor).status_code == 201


def test_it_is_forgotten_so_that_a_new_worker_is_found(
    running: Callable[..., Call], turn_away: Callable[..., Call], visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(busy, "HOLD", timedelta(0))
    running()
    assert turn_away().detail.startswith("All agents are in other calls")
    assert ask(visitor).status_code == 201


class _Away:
    """A Redis that does not answer."""

    def get(self, *_: Any) -> None:
        raise RedisConnectionError("away")

    set = get


def test_without_redis_nobody_is_turned_away(
    running: Callable[..., Call], turn_away: Callable[..., Call], visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    running()
    monkeypatch.setattr(busy, "cache", _Away())
    assert turn_away().detail.startswith("All agents are in other calls")
    assert ask(visitor).status_code == 201
