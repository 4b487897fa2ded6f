"""Events of a call on their way to the web side: in order, in batches, never in the way of speech."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from agents_worker.backend import ApiRefused, ApiUnavailable, backoff
from agents_worker.contracts import AnyEvent, HeartbeatEvent

logger = logging.getLogger(__name__)

BATCH_LIMIT = 200
FLUSH_SECONDS = 0.1
HEARTBEAT_SECONDS = 1.0
MEMORY_LIMIT = 5000
_EXPENDABLE = frozenset({"heartbeat", "usage", "latency"})

Send = Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]]


class EventPublisher:
    """Queues events and delivers them from a task of its own.

    `publish` never waits. Events keep their order; a batch is retried with a capped backoff
    until it is accepted. Memory is bounded: past MEMORY_LIMIT the oldest expendable events
    go first, then the oldest of all. `heartbeat`: something is sent each HEARTBEAT_SECONDS, whether there is news or not.
    """

    def __init__(self, send: Send, *, source: str, attempt: int = 1, heartbeat: bool = True) -> None:
        self._send = send
        self._heartbeat = heartbeat
        self._source = source if attempt <= 1 else f"{source}.{attempt}"
        self._seq = 0
        self._queue: deque[dict[str, Any]] = deque()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._refused = False
        self._task: asyncio.Task[None] | None = None

    @property
    def source(self) -> str:
        return self._source

    @property
    def pending(self) -> int:
        return len(self._queue)

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"events {self._source}")

    def publish(self, event: AnyEvent) -> None:
        """Queue one event. Never waits and never raises."""
        if self._refused:
            return
        row = event.model_dump(mode="json", exclude_none=True)
        self._queue.append({"seq": self._seq, "source": self._source, **row})
        self._seq += 1
        if len(self._queue) > MEMORY_LIMIT:
            self._make_room()
        self._wake.set()

    async def aclose(self, timeout: float = 60.0) -> None:
        """Deliver what is queued, for at most `timeout` seconds, and stop."""
        self._closing.set()
        self._wake.set()
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._task, timeout)
        if self._queue:
            logger.error("%d events of %s were not delivered", len(self._queue), self._source)

    def _make_room(self) -> None:
        expendable = next((row for row in self._queue if row["type"] in _EXPENDABLE), None)
        if expendable is None:
            self._queue.popleft()
        else:
            self._queue.remove(expendable)

    async def _run(self) -> None:
        while True:
            await self._wait_for_events()
            if self._refused or (self._closing.is_set() and not self._queue):
                return
            await self._deliver(self._batch())

    async def _wait_for_events(self) -> None:
        """Until there is something to send; with a heartbeat, that after a second of nothing."""
        if not self._queue and not self._closing.is_set():
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), HEARTBEAT_SECONDS if self._heartbeat else None)
            except TimeoutError:
                self.publish(HeartbeatEvent())
                return
        if len(self._queue) < BATCH_LIMIT:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), FLUSH_SECONDS)

    def _batch(self) -> list[dict[str, Any]]:
        return [self._queue[index] for index in range(min(BATCH_LIMIT, len(self._queue)))]

    async def _deliver(self, batch: list[dict[str, Any]]) -> None:
        attempt = 0
        while not self._refused:
            try:
                await self._send(batch)
            except ApiUnavailable as error:
                logger.warning("events of %s not delivered yet: %s", self._source, error)
                await asyncio.sleep(backoff(attempt))
                attempt += 1
            except ApiRefused as error:
                await self._on_refused(batch, error)
                return
            else:
                self._forget(batch)
                return

    async def _on_refused(self, batch: list[dict[str, Any]], error: ApiRefused) -> None:
        if error.status in (401, 403, 404):
            logger.error("events of %s refused, no more are sent: %s", self._source, error)
            self._refused = True
            self._queue.clear()
        elif len(batch) == 1:
            logger.error("event %s of %s refused: %s", batch[0]["type"], self._source, error)
            self._forget(batch)
        else:  # one bad event must not take its neighbours with it
            for row in batch:
                await self._deliver([row])

    def _forget(self, batch: list[dict[str, Any]]) -> None:
        sent = {row["seq"] for row in batch}
        while self._queue and self._queue[0]["seq"] in sent:
            self._queue.popleft()
