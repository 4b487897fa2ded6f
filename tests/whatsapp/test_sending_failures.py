"""Sending that fails: what is tried again, what is not, and what people are told; Meta's pace, and workers that died."""

import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine
from django.utils import timezone
from werkzeug import Response

from apps.core.hints import redis_client
from apps.whatsapp import graph as product
from apps.whatsapp import limits
from apps.whatsapp.models import Sending
from tests.whatsapp.meta import Graph, outcome, work

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("code", "seconds"), [(130429, 1), (131056, 6)])
def test_rate_errors_are_tried_again_after_their_time(write: Any, graph: Graph, code: int, seconds: int) -> None:
    graph.refuse(code)
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        message = write("Hello")
        work()
        assert outcome(message) == ("pending", "")
        clock.shift(seconds - 0.5)
        work()
        assert graph.sent == []
        clock.shift(60)
        redis_client().flushdb()  # Redis keeps its own time
        work()
    assert (outcome(message), graph.texts) == (("sent", ""), ["Hello"])


def test_429_is_tried_again_after_retry_after(write: Any, graph: Graph) -> None:
    graph.faults.append(Response("slow down", 429, headers={"Retry-After": "7"}))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        message = write("Hello")
        work()
        clock.shift(6)
        work()
        assert graph.sent == []
        clock.shift(2)
        redis_client().flushdb()
        work()
    assert outcome(message) == ("sent", "")


@pytest.mark.parametrize("code", [100, 190, 131026, 131047, 131031, 131000, 80007])
def test_other_errors_fail_at_once_with_a_sentence(write: Any, graph: Graph, code: int) -> None:
    graph.refuse(code, status=500 if code == 131000 else 400, message="Something")
    message = write("Hello")
    work()
    assert outcome(message) == ("failed", str(code))
    assert message.error_text.endswith(".")
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        work()
    assert graph.sent == []


@pytest.mark.parametrize(
    "fault",
    [
        Response("", 500),
        Response("<html>Bad gateway</html>", 502),
        Response("", 200),
        Response("{}", 200),
        Response('{"messages": []}', 200),
        Response('{"error": "odd"}', 503),
        Response('{"error": {"message": "no code"}}', 500),
    ],
)
def test_an_answer_that_says_nothing_is_uncertain_and_not_repeated(write: Any, graph: Graph, fault: Response) -> None:
    graph.faults.append(fault)
    message = write("Hello")
    work()
    assert outcome(message) == ("uncertain", "")
    assert "was not sent again" in message.error_text
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        work()
    assert graph.sent == []


def test_a_timeout_after_the_request_is_uncertain(write: Any, graph: Graph, monkeypatch: Any) -> None:
    release = threading.Event()
    monkeypatch.setattr(product, "TIMEOUT", httpx.Timeout(0.5, connect=10))
    product._api.cache_clear()
    graph.before = lambda: release.wait(10)
    message = write("Hello")
    try:
        work()
    finally:
        release.set()
        product._api.cache_clear()
    assert outcome(message) == ("uncertain", "")


def test_meta_away_is_tried_again(write: Any, graph: Graph, meta_settings: Any) -> None:
    meta_settings.WHATSAPP_GRAPH_URL = "http://127.0.0.1:1"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        message = write("Hello")
        work()
        assert outcome(message) == ("pending", "")
        meta_settings.WHATSAPP_GRAPH_URL = graph.url
        clock.shift(5)
        work()
    assert (outcome(message), graph.texts) == (("sent", ""), ["Hello"])


def test_meta_away_for_long_fails_the_message(write: Any, graph: Graph, meta_settings: Any) -> None:
    meta_settings.WHATSAPP_GRAPH_URL = "http://127.0.0.1:1"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        message = write("Hello")
        for _ in range(12):
            work()
            clock.shift(301)
    assert outcome(message)[0] == "failed"
    assert message.error_text == "The message could not be sent in time. Send it again."
    assert not Sending.objects.exists()


def test_a_worker_that_died_while_posting_leaves_the_message_uncertain(write: Any, graph: Graph) -> None:
    first, second = write("First"), write("Second")
    now = timezone.now()
    Sending.objects.create(conversation_id=first.conversation_id, message_id=first.pk, started_at=now, posted_at=now)
    work()
    assert (outcome(first)[0], graph.sent) == ("pending", [])
    with time_machine.travel(now + timedelta(seconds=61), tick=False) as clock:
        work()
        clock.shift(5)
        work()
    assert outcome(first)[0] == "uncertain"
    assert (outcome(second)[0], graph.texts) == ("sent", ["Second"])


def test_a_worker_that_died_before_posting_costs_nothing(write: Any, graph: Graph) -> None:
    message = write("First")
    now = timezone.now()
    Sending.objects.create(conversation_id=message.conversation_id, message_id=message.pk, started_at=now)
    with time_machine.travel(now + timedelta(seconds=61), tick=False) as clock:
        work()
        clock.shift(5)
        work()
    assert (outcome(message)[0], graph.texts) == ("sent", ["First"])


def test_a_later_message_waits_for_the_one_before_it(write: Any, graph: Graph) -> None:
    graph.refuse(130429)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        messages = [write(text) for text in ("One", "Two", "Three")]
        work()
        for _ in range(6):
            clock.shift(10)
            redis_client().flushdb()
            work()
    assert graph.texts == ["One", "Two", "Three"]
    assert {outcome(message)[0] for message in messages} == {"sent"}


def test_a_refused_message_does_not_hold_up_the_next(write: Any, graph: Graph) -> None:
    graph.refuse(131026)
    first, second = write("One"), write("Two")
    work()
    assert (outcome(first)[0], outcome(second)[0], graph.texts) == ("failed", "sent", ["Two"])


def test_a_number_that_is_gone_fails_with_a_sentence(write: Any, team_number: Any) -> None:
    message = write("Hello")
    team_number.delete()
    work()
    assert outcome(message)[0] == "failed"
    assert "not mapped any more" in message.error_text


def test_a_missing_token_fails_with_a_sentence(write: Any, meta_settings: Any) -> None:
    message = write("Hello")
    meta_settings.WHATSAPP_ACCESS_TOKEN = ""
    work()
    message.refresh_from_db()
    assert (message.status, "WHATSAPP_ACCESS_TOKEN" in message.error_text) == ("failed", True)


def test_a_number_sends_with_its_own_token(write: Any, graph: Graph, team_number: Any) -> None:
    team_number.access_token = "its-own"
    team_number.save()
    write("Hello")
    work()
    assert graph.tokens[-1] == "Bearer its-own"


def test_the_pace_per_contact_and_number() -> None:
    redis_client().flushdb()
    assert [limits.send_wait("1", "a") for _ in range(45)] == [0.0] * 45
    assert 5 < limits.send_wait("1", "a") <= 6.1
    assert limits.send_wait("1", "b") == 0.0
    assert limits.send_wait("2", "a") == 0.0
    limits.send_hold("1", "b", seconds=30, pair=True)
    assert 29 < limits.send_wait("1", "b") <= 30.1
    limits.send_hold("2", "", seconds=2, pair=False)
    assert 1.5 < limits.send_wait("2", "c") <= 2.1
