"""What one caller's coming costs the database, from the stored webhook to the last word about it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import schema_context

from apps.calls.models import Call
from apps.calls.rooms import room_name_for
from apps.core.inbox import Item, inbox_drain, inbox_store
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.webhooks import SIP_ROOM, event, recorded

pytestmark = pytest.mark.django_db
BROWSER, PHONE, AGENT = 16, 22, 10


def _statements(payload: dict[str, Any]) -> list[str]:
    """What the worker sends to Postgres for one webhook, until it finds no other."""
    inbox_store("livekit", [Item(payload["id"], payload["event"], payload)])
    with CaptureQueriesContext(connection) as seen:
        assert inbox_drain() == 1
    return [query["sql"] for query in seen.captured_queries]


def _told(statements: list[str]) -> str:
    return "\n".join(f"{number} {sql[:160]}" for number, sql in enumerate(statements, 1))


def test_callers_from_a_browser_join_in_few_statements(reception: Any, livekit: FakeLiveKit) -> None:
    call = Call(channel="webrtc", agent_id=reception.pk, caller_identity="caller-1")
    call.room_name = room = room_name_for("acme", call.pk)
    with schema_context("acme"):
        call.save()
    livekit.room(room)
    join = _statements(event("participant_joined", room, identity="caller-1"))
    assert livekit.dispatched(room) == [("atlas", 1), ("media-bot", 1)]
    assert len(join) <= BROWSER, _told(join)


def test_callers_by_phone_and_their_agents_join_in_few_statements(phone: FakeLiveKit) -> None:
    join = _statements(recorded("02_"))
    assert phone.dispatched(SIP_ROOM) == [("atlas", 1), ("media-bot", 1)]
    assert len(join) <= PHONE, _told(join)
    agent = _statements(recorded("04_"))
    assert len(agent) <= AGENT, _told(agent)
