"""/api/v1/dashboard: today's figures and the last two weeks', each for who may see them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django_tenants.utils import tenant_context

from apps.calls.selectors_trends import DAYS
from apps.desktop.models import Conversation
from apps.tenants.access import EVERYONE
from apps.tenants.models import Role, Tenant
from tests.compass.factories import agent_published
from tests.desktop.factories import a_conversation
from tests.pages.factories import bill, call_make, talk_make
from tests.programs import only_for, person, program

pytestmark = pytest.mark.django_db
TODAY, TRENDS = "/api/v1/dashboard", "/api/v1/dashboard/trends"
NOON = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)


@pytest.fixture
def busy(acme: Tenant) -> Iterator[None]:
    """At half past twelve: a talk that was billed, a call that was missed, a chat that went to people."""
    with time_machine.travel(NOON, tick=False), tenant_context(acme):
        end = NOON + timedelta(seconds=61.4)
        call = call_make(started_at=NOON, joined_at=NOON, answered_at=NOON, ended_at=end)
        talk_make(call)
        bill(call, acme, started_at=NOON.isoformat(), ended_at=end.isoformat())
        call_make(started_at=NOON, joined_at=None, answered_at=None, ended_at=NOON, state="missed")
        chat = a_conversation()
        agent = agent_published(slug="chats")
        Conversation.objects.filter(pk=chat.pk).update(agent_id=agent.pk, handoff_reason="asked", created_at=NOON)
        yield


def read(client: Any, path: str = TODAY) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200
    return dict(answer.json())


def test_today(busy: None, acme: Tenant) -> None:
    told = read(program(acme, "calls:read", "billing:read", "conversations:read"))
    assert told["timezone"] == acme.timezone
    calls = told["calls"]
    assert (calls["total"], calls["answered"], calls["lost"], calls["live"]) == (2, 1, 1, 0)
    assert (calls["average_seconds"], calls["answered_percent"]) == (61.4, 50)
    assert (told["chats"], told["handed_over_percent"]) == (1, 100)
    assert 0.92 < told["delay_p50"] < told["delay_p95"] < 1.31 and round(told["mood"], 2) == 0.08
    assert [(one["calls"], one["chats"]) for one in told["hours"]] == [(2, 1)]
    assert told["spent"] == [{"currency": "USD", "amount": "0.032122"}]
    assert told["waiting"].keys() == {"count", "since"}


def test_a_day_without_anything(acme: Tenant) -> None:
    told = read(program(acme, "calls:read"))
    assert (told["calls"]["total"], told["calls"]["average_seconds"], told["calls"]["answered_percent"]) == (0, None, None)
    assert (told["hours"], told["delay_p50"], told["handed_over_percent"]) == ([], None, None)


def test_waiting_and_money_are_for_those_who_may(acme: Tenant) -> None:
    seen = {}
    for who, client in {
        **{role.value: person(acme, role) for role in Role},
        "calls": program(acme, "calls:read"),
        "billing": program(acme, "calls:read", "billing:read"),
        "desk": program(acme, "calls:read", "conversations:write"),
    }.items():
        told = read(client)
        seen[who] = (told["waiting"] is not None, told["spent"] is not None)
    assert seen == {
        "owner": (True, True),
        "admin": (True, True),
        "supervisor": (True, True),
        "agent": (True, False),
        "finance": (False, True),
        "calls": (False, False),
        "billing": (False, True),
        "desk": (True, False),
    }


def test_two_weeks_with_today_last(busy: None, acme: Tenant) -> None:
    days = read(program(acme, "calls:read"), TRENDS)["days"]
    assert len(days) == DAYS and days[-1]["day"] == "2026-03-14" and days[0]["day"] == "2026-03-01"
    today = days[-1]
    assert (today["calls"], today["answered"], today["transferred"]) == (2, 1, 0)
    assert (today["chats"], today["with_agent"], today["handed_over"]) == (1, 1, 1)
    assert today["delay_p50"] is not None and days[0]["mood"] is None


def test_whose_figures_they_are(busy: None, acme: Tenant, globex: Tenant) -> None:
    only_for(acme, globex, [("GET", TODAY), ("GET", TRENDS)], scope="calls", roles=EVERYONE)
    assert read(program(globex, "calls:read"))["calls"]["total"] == 0
