"""A worker's residents: the inbox is drained at a hint, and calls wait for their time in memory."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from apps.core import inbox, residents
from apps.core.hints import redis_client
from apps.core.inbox import Item, inbox_store, inbox_wake
from apps.core.models import InboundEvent
from tests.embedded.waiting import wait_until


@pytest.fixture(autouse=True)
def _calm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody is stopping, and whatever a test starts ends with it."""
    monkeypatch.setattr(residents, "_stopping", threading.Event())
    redis_client().delete(residents.KEY)
    yield
    residents._stopping.set()
    redis_client().delete(residents.KEY)


@pytest.fixture
def clock() -> Iterator[residents.Later]:
    one = residents.Later()
    yield one
    one.close()


@pytest.mark.django_db
def test_calls_come_in_the_order_of_their_times(clock: residents.Later) -> None:
    done: list[str] = []
    clock.put("b", 0.1, lambda: done.append("b"))
    clock.put("a", 0.0, lambda: done.append("a"))
    wait_until(lambda: len(done) == 2)
    assert done == ["a", "b"]


@pytest.mark.django_db
def test_the_next_call_of_a_key_replaces_the_one_that_waits(clock: residents.Later) -> None:
    done: list[str] = []
    clock.put("turn", 0.05, lambda: done.append("first"))
    clock.put("turn", 0.1, lambda: done.append("second"))
    clock.put("end", 0.2, lambda: done.append("end"))
    wait_until(lambda: "end" in done)
    assert done == ["second", "end"]


@pytest.mark.django_db
def test_a_call_that_fails_takes_nothing_along(clock: residents.Later) -> None:
    done: list[str] = []
    clock.put("bad", 0.0, lambda: 1 / 0)
    clock.put("good", 0.05, lambda: done.append("good"))
    wait_until(lambda: done == ["good"])


def test_a_process_without_residents_says_so() -> None:
    assert residents.later("turn", 0.0, lambda: None) is False


def test_hints_do_not_pile_up_while_nobody_drains() -> None:
    for _ in range(residents.KEPT * 2):
        inbox_wake()
    assert redis_client().llen(residents.KEY) == residents.KEPT


def test_redis_may_be_away(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    def away() -> None:
        raise residents.redis.ConnectionError

    monkeypatch.setattr(residents, "resident_wake", away)
    inbox_wake()


@pytest.mark.django_db(transaction=True)
def test_a_hint_has_the_inbox_drained(settings: Any) -> None:
    inbox.provider_register("testing", tenant_of=lambda _: None, unrouted=lambda _: None)
    settings.HINTS_BESIDE = True  # as in every process but a test's
    thread = threading.Thread(target=residents._drain_always)
    try:
        thread.start()
        inbox_store("testing", [Item("1", "ping", {}), Item("2", "ping", {})])
        wait_until(lambda: set(InboundEvent.objects.values_list("state", flat=True)) == {"done"})
    finally:
        residents._stopping.set()
        inbox_wake()
        thread.join(20)
        inbox._providers.pop("testing")
        connections.close_all()
    assert not thread.is_alive()
