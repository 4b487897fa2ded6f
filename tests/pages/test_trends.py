"""The dashboard's last two weeks: what is counted on which day, and what the charts say of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from apps.calls.models import Call
from apps.calls.selectors_trends import DAYS, trends_of
from apps.calls.views.trends import came_chart, delays_chart, moods_chart, rates_chart
from apps.desktop.models import Conversation
from apps.tenants.models import Tenant, User
from tests.compass.factories import agent_published
from tests.desktop.factories import a_conversation
from tests.pages.factories import call_make, talk_make

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
BERLIN = "Europe/Berlin"
NOW = datetime(2026, 3, 14, 12, tzinfo=ZoneInfo("UTC"))
LATE = datetime(2026, 3, 12, 23, 30, tzinfo=ZoneInfo("UTC"))  # the 13th in Berlin


def call_at(at: datetime, **fields: object) -> Call:
    return call_make(**{"started_at": at, "joined_at": at, "answered_at": at, "ended_at": at + timedelta(minutes=1), **fields})


@pytest.fixture
def two_days(in_acme: Tenant) -> None:
    """The 13th of March in Berlin, and the 14th, which is today."""
    agent = agent_published()
    talk_make(call_at(LATE))
    call_at(LATE, answered_at=None, state="missed")
    call_at(NOW, ended_reason="transferred")
    talk_make(call_at(NOW, trial=True))
    call_at(NOW - timedelta(days=DAYS + 1))
    for reason in ("", "asked"):
        made = a_conversation()
        Conversation.objects.filter(pk=made.pk).update(agent_id=agent.pk, handoff_reason=reason, created_at=NOW)


@time_machine.travel(NOW, tick=False)
def test_each_day_of_the_companys_own_zone(two_days: None) -> None:
    days = trends_of(BERLIN).days
    assert len(days) == DAYS and [day.day.day for day in days[-2:]] == [13, 14]
    before, today = days[-2:]
    assert (before.calls, before.answered, before.through, before.chats) == (2, 1, 0, 0)
    assert (today.calls, today.answered, today.through, today.chats, today.with_ai, today.handed) == (1, 1, 1, 2, 2, 1)
    assert sum(day.calls for day in days) == 3
    assert before.p50 is not None and before.p95 is not None and before.mood is not None
    assert 0.92 < before.p50 < before.p95 < 1.31 and round(before.mood, 2) == 0.08
    assert (today.p50, today.mood, days[0].share(0, 0)) == (None, None, None)


@time_machine.travel(NOW, tick=False)
def test_the_charts_say_what_they_show(two_days: None) -> None:
    days = trends_of(BERLIN).days
    came, rates, delays, moods = (make(days) for make in (came_chart, rates_chart, delays_chart, moods_chart))
    assert came and rates and delays and moods
    assert came.title == "Most came on Saturday, 14 March: 3" and [list(one.values)[-2:] for one in came.series] == [
        [2, 1],
        [0, 2],
    ]
    assert rates.title == "67 % of calls were answered, 50 % of chats were handed to people"
    assert [list(one.values)[-2:] for one in rates.series] == [[50, 100], [None, 50], [0, 100]]
    assert delays.title.startswith("Answers came after 1.1") and moods.title == "Callers sounded positive"
    assert [len(chart.rows) for chart in (came, rates, delays, moods)] == [DAYS] * 4
    assert came.rows[-1] == ["14 Mar 2026", "1", "2"] and rates.rows[0] == ["1 Mar 2026", "–", "–", "–"]


def test_a_company_without_calls_is_shown_nothing(in_acme: Tenant, client_for: ClientFor, alice: User) -> None:
    assert trends_of("UTC").is_empty
    assert "<figure" not in client_for(alice, "acme").get("/trends").content.decode()


def test_the_fragment_is_the_companys_own(client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User) -> None:
    with tenant_context(acme):
        talk_make(call_make(ago=1))
    for who in (alice, bob):
        assert "The last 14 days" in client_for(who, "acme").get("/trends").content.decode()
    assert client_for(charlie, "acme").get("/trends").status_code == 404
    assert "The last 14 days" not in client_for(charlie, "globex").get("/trends").content.decode()
    assert "/trends" in client_for(alice, "acme").get("/").content.decode()


def test_more_calls_ask_no_more_of_the_database(in_acme: Tenant) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            trends_of("UTC")
        return len(queries)

    talk_make(call_make(ago=1))
    few = asked()
    for back in range(20):
        talk_make(call_make(ago=3600 * 12 * back + 1))
    assert asked() == few <= 4
