"""The web side is away for 20 s while a call ends: its webhooks are lost or late, and it ends and is billed once."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django_tenants.utils import schema_context

from apps.billing.models import LedgerEntry
from apps.billing.services import price_book_seed
from apps.calls.models import Call
from apps.calls.services import calm
from apps.calls.services.bills import report_of
from apps.core.models import OutboundEffect
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import CALLER, ROOM, Sweep, ago, refreshed
from tests.calls.webhooks import event
from tests.compass.factories import bearer, public_post

pytestmark = pytest.mark.django_db
AWAY = 20
USED = [{"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": 4.0}]


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, sweep: Sweep) -> Callable[[bool], None]:
    """Takes the web side away, and brings it back."""
    return lambda there: monkeypatch.setattr(calm, "web_answers", lambda: there)


@pytest.fixture
def call(running: Callable[..., Call], web: Callable[[bool], None]) -> Call:
    """It runs, and the web side goes away."""
    price_book_seed()
    call = running(started_at=ago(120), joined_at=ago(119), answered_at=ago(118))
    web(False)
    return call


def hang_up(livekit: FakeLiveKit) -> None:
    """The caller leaves, and Atlas after them."""
    livekit.rooms[ROOM].people.clear()


def late(kind: str, **participant: Any) -> dict[str, Any]:
    """A webhook that LiveKit sends again after 20 s."""
    who = {"identity": CALLER.identity, "participant": participant} if participant else {}
    return event(kind, ROOM, **who, createdAt=str(int(time.time()) - AWAY))


LEFT = {"disconnectReason": "CLIENT_INITIATED"}


def bill(call: Call) -> int:
    """Atlas sends its bill, whose content never changes; the answer's status."""
    return int(
        public_post("/billing/calls", report_of(call, USED), bearer("acme", call.agent_id, call_id=str(call.pk))).status_code
    )


def seconds_go_by(seconds: float) -> None:
    with schema_context("acme"):
        for row in Call.objects.all():
            row.left_at = row.left_at and row.left_at - timedelta(seconds=seconds)
            row.ended_at = row.ended_at and row.ended_at - timedelta(seconds=seconds)
            row.save()


def test_lost_webhooks(call: Call, web: Callable[[bool], None], sweep: Sweep, livekit: FakeLiveKit, deliver: Deliver) -> None:
    hang_up(livekit)
    sweep()
    assert refreshed(call).is_live, "the browser may be on its way back"
    seconds_go_by(7)
    sweep()
    ended = refreshed(call)
    assert (ended.state, ended.ended_reason) == ("completed", "caller_hangup")
    assert ended.ended_at == ended.left_at, "not billed for the time in which nobody was there"
    assert livekit.deleted == [ROOM]

    seconds_go_by(AWAY)
    sweep()
    assert not LedgerEntry.objects.exists(), "Atlas's own bill waits for the web side"
    web(True)
    sweep()
    assert not LedgerEntry.objects.exists(), "and has just not come yet"
    ended = refreshed(call)
    assert [bill(ended), bill(ended)] == [201, 200]
    for webhook in (late("participant_left", **LEFT), late("room_finished")):
        assert deliver(webhook).status_code == 200
    sweep()
    sweep()
    _billed_once(ended, "report")
    assert livekit.deleted == [ROOM]


@pytest.mark.parametrize("kinds", [["participant_left", "room_finished"], ["room_finished", "participant_left"]])
def test_late_webhooks(
    kinds: list[str], call: Call, web: Callable[[bool], None], sweep: Sweep, livekit: FakeLiveKit, deliver: Deliver
) -> None:
    hang_up(livekit)
    web(True)
    for kind in kinds * 2:
        deliver(late(kind, **(LEFT if kind == "participant_left" else {})))
    ended = refreshed(call)
    assert (ended.state, ended.ended_reason) == ("completed", "caller_hangup")
    assert ended.ended_at is not None
    assert ended.ended_at <= ago(AWAY - 1), "it ended when they left, not when that was heard"
    assert bill(ended) == 201
    sweep()
    sweep()
    _billed_once(ended, "report")


def test_no_bill_comes_at_all(
    call: Call, web: Callable[[bool], None], sweep: Sweep, livekit: FakeLiveKit, post_events: Any
) -> None:
    """Atlas's machine went away with the web side; what it told before is billed, once nobody can be on the way any more."""
    post_events(call, [{"seq": 7, "source": "atlas", "type": "usage", "usage": USED}])
    hang_up(livekit)
    sweep()
    seconds_go_by(7)
    sweep()
    seconds_go_by(AWAY)
    sweep()
    web(True)
    sweep()
    assert not LedgerEntry.objects.exists()
    with schema_context("public"):
        cache.delete("calls.hold_until")  # as 8 s after the web side came back
    sweep()
    sweep()
    _billed_once(refreshed(call), "sweep")
    assert bill(refreshed(call)) in (200, 409)
    assert LedgerEntry.objects.count() == 1


def _billed_once(ended: Call, source: str) -> None:
    """And nothing about the end changed since."""
    now = refreshed(ended)
    assert (now.ended_at, now.ended_reason, now.is_billed) == (ended.ended_at, ended.ended_reason, True)
    entry = LedgerEntry.objects.get()
    assert (entry.source, entry.call_id, entry.usage) == (source, ended.pk, USED)
    assert OutboundEffect.objects.filter(kind="calls.room_delete").count() == 1
