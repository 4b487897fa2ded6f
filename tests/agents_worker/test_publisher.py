from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from agents_worker import backend, publisher
from agents_worker.backend import ApiRefused, ApiUnavailable
from agents_worker.contracts import HeartbeatEvent, StateEvent, TranscriptEvent
from agents_worker.publisher import EventPublisher


class Web:
    """Takes batches; `answers` are raised first, in order."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.answers: list[Exception | None] = []
        self.bad: set[int] = set()
        self.tried = 0
        self.came = asyncio.Event()

    async def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.tried += 1
        self.came.set()
        if self.answers and (error := self.answers.pop(0)) is not None:
            raise error
        if self.bad & {event["seq"] for event in events}:
            raise ApiRefused(422, "invalid", "an event is wrong")
        self.batches.append([dict(event) for event in events])

    @property
    def seqs(self) -> list[int]:
        return [event["seq"] for batch in self.batches for event in batch]


def said(text: str) -> TranscriptEvent:
    return TranscriptEvent(speaker="caller", text=text)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.setattr(backend, "_BACKOFF_FIRST", 0.001)
    monkeypatch.setattr(publisher, "FLUSH_SECONDS", 0.01)
    return Web()


@pytest.fixture
async def events(web: Web) -> AsyncIterator[EventPublisher]:
    made = EventPublisher(web.send, source="atlas")
    made.start()
    yield made
    await made.aclose(1)


async def test_events_arrive_in_order_with_their_numbers(web: Web, events: EventPublisher) -> None:
    for number in range(5):
        events.publish(said(str(number)))
    await events.aclose()
    assert web.seqs == [0, 1, 2, 3, 4]
    first = web.batches[0][0]
    assert (first["source"], first["type"], first["text"]) == ("atlas", "transcript", "0")


async def test_a_flood_goes_in_batches(web: Web, events: EventPublisher) -> None:
    for number in range(450):
        events.publish(said(str(number)))
    await events.aclose()
    assert [len(batch) for batch in web.batches] == [200, 200, 50]
    assert web.seqs == list(range(450))


async def test_a_batch_is_retried_and_stays_in_order(web: Web, events: EventPublisher) -> None:
    web.answers = [ApiUnavailable("down"), ApiUnavailable("down")]
    events.publish(said("a"))
    await web.came.wait()
    events.publish(said("b"))
    await events.aclose()
    assert web.seqs == [0, 1]
    assert web.tried >= 3


async def test_one_bad_event_takes_no_neighbour_with_it(web: Web, events: EventPublisher) -> None:
    web.bad = {1}
    for text in "abc":
        events.publish(said(text))
    await events.aclose()
    assert web.seqs == [0, 2]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refused_token_ends_the_publishing(web: Web, events: EventPublisher, status: int) -> None:
    web.answers = [ApiRefused(status, "no", "not yours")]
    events.publish(said("a"))
    await web.came.wait()
    events.publish(said("b"))
    await events.aclose()
    assert (web.seqs, events.pending) == ([], 0)


async def test_a_silent_second_is_a_heartbeat(web: Web, events: EventPublisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "HEARTBEAT_SECONDS", 0.01)
    events.publish(StateEvent(state="joined"))
    async with asyncio.timeout(60):
        while len(web.seqs) < 3:
            web.came.clear()
            await web.came.wait()
    types = [event["type"] for batch in web.batches for event in batch]
    assert types[:3] == ["state", "heartbeat", "heartbeat"]


async def test_who_has_no_heartbeat_is_silent_until_there_is_news(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "HEARTBEAT_SECONDS", 0)
    made = EventPublisher(web.send, source="media-bot", heartbeat=False)
    made.start()
    await asyncio.sleep(0)
    made.publish(said("news"))
    await made.aclose()
    assert [event["type"] for batch in web.batches for event in batch] == ["transcript"]


async def test_memory_is_bounded_and_words_are_kept_longest(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "MEMORY_LIMIT", 3)
    events = EventPublisher(web.send, source="atlas")
    for event in (said("a"), HeartbeatEvent(), said("b"), said("c"), said("d")):
        events.publish(event)
    assert events.pending == 3
    events.start()
    await events.aclose()
    assert [event["text"] for batch in web.batches for event in batch] == ["b", "c", "d"]


async def test_closing_waits_no_longer_than_it_is_told(web: Web) -> None:
    web.answers = [ApiUnavailable("down")] * 100_000
    events = EventPublisher(web.send, source="atlas")
    events.start()
    events.publish(said("lost"))
    await events.aclose(timeout=0.05)
    assert events.pending == 1


def test_a_later_run_has_a_source_of_its_own(web: Web) -> None:
    assert EventPublisher(web.send, source="atlas", attempt=2).source == "atlas.2"
