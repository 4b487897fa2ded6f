"""A recording on its way to the web side: in parts, in order, kept on disk until each is accepted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from agents_worker.backend import ApiUnavailable, backoff
from agents_worker.contracts import RecordingPart

logger = logging.getLogger(__name__)


Send = Callable[[RecordingPart], Awaitable[None]]


@dataclass(frozen=True)
class _Kept:
    number: int
    offset: int
    length: int
    last: bool


class PartSender:
    """`put` never waits for the web side; a part is sent until it is accepted, the next one after it.

    The task of `run` ends with the last part, and raises ApiRefused when the web side wants no more.
    """

    def __init__(self, send: Send, *, run: int, started_at: datetime) -> None:
        self._send = send
        self._run = run
        self._started_at = started_at
        self._spool = tempfile.TemporaryFile(prefix="meridian-recording-")  # noqa: SIM115 closed by close()
        self._end = 0
        self._count = 0
        self._queue: deque[_Kept] = deque()
        self._wake = asyncio.Event()

    @property
    def unsent(self) -> int:
        """Parts."""
        return len(self._queue)

    def put(self, data: bytes, *, last: bool = False) -> None:
        """Keep a part for sending. Raises OSError where the disk takes no more."""
        self._spool.seek(self._end)
        self._spool.write(data)
        self._queue.append(_Kept(self._count, self._end, len(data), last))
        self._end += len(data)
        self._count += 1
        self._wake.set()

    async def run(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            kept = self._queue[0]
            await self._deliver(kept)
            self._forget()
            if kept.last:
                return

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._spool.close()

    def _forget(self) -> None:
        self._queue.popleft()
        if not self._queue:
            self._end = 0
            self._spool.truncate(0)

    async def _deliver(self, kept: _Kept) -> None:
        self._spool.seek(kept.offset)
        data = self._spool.read(kept.length)
        part = RecordingPart(run=self._run, number=kept.number, started_at=self._started_at, last=kept.last, data=data)
        attempt = 0
        while True:
            try:
                await self._send(part)
            except ApiUnavailable as error:
                logger.warning("part %d of a recording not delivered yet: %s", kept.number, error)
                await asyncio.sleep(backoff(attempt))
                attempt += 1
            else:
                return
