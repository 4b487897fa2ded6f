"""Media Bot records a call: both sides on one clock, encoded beside the event loop, sent in parts while the call runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from livekit import rtc

from agents_worker.backend import ApiRefused
from agents_worker.contracts import Speaker, utc_now
from agents_worker.media_bot.recording_mix import Mixer, Stereo
from agents_worker.media_bot.recording_ogg import OggWriter
from agents_worker.media_bot.recording_parts import PartSender, Send
from agents_worker.native import sound_of

logger = logging.getLogger(__name__)

RATE = 16_000
_FRAME_MS = 100
_TICK_SECONDS = 2.0
# the first part is sent early, so that a refusal is known early
_FIRST_PART_SECONDS = 4.0
_PART_SECONDS = 12.0
# of what a call's end may wait for the last parts
CLOSE_SECONDS = 15.0


class Recorder:
    """Nothing here takes the call down: what fails is told once by `tell`, and the recording is over."""

    def __init__(self, send: Send, *, run: int, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._mixer = Mixer(RATE)
        self._writer: OggWriter | None = None
        self._began = time.monotonic()
        self._parts = PartSender(send, run=run, started_at=utc_now())
        self._pages = bytearray()
        self._cut_at = _FIRST_PART_SECONDS
        self._ending = asyncio.Event()
        self._over = False
        self._listening: dict[Speaker, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = self._watched(self._parts.run())
        self._writing = self._watched(self._write())

    def listen(self, side: Speaker, track: rtc.Track) -> None:
        """From now on this track is what a side says; the one before it is not listened to any more."""
        if self._over or self._ending.is_set():
            return
        if (before := self._listening.get(side)) is not None:
            before.cancel()
        self._mixer.begin(side)
        self._listening[side] = self._watched(self._hear(side, track))

    async def aclose(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write and send what is left, for at most so long."""
        self._ending.set()
        for task in self._listening.values():
            task.cancel()
        if self._listening:
            await asyncio.wait(self._listening.values())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.wait([self._writing])
                if not self._over:
                    await asyncio.wait([self._sending])
        if self._parts.unsent and not self._over:
            self._fail(f"the web side did not take the last parts within {seconds:.0f} s of the call's end")
        self._stop()
        self._parts.close()

    async def _hear(self, side: Speaker, track: rtc.Track) -> None:
        stream = sound_of(track, rate=RATE, frame_ms=_FRAME_MS)
        try:
            async for event in stream:
                self._mixer.push(side, event.frame.data, self._now())
        finally:
            await stream.aclose()

    async def _write(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _TICK_SECONDS)
            if not self._ending.is_set():
                await self._encode(self._mixer.take(self._now()))
                self._cut()
        self._pages += await asyncio.to_thread(self._finish, self._mixer.take(self._now(), patience=0.0))
        self._parts.put(bytes(self._pages), last=True)

    async def _encode(self, sound: Stereo) -> None:
        if len(sound):
            self._pages += await asyncio.to_thread(self._encoded, sound)

    def _encoded(self, sound: Stereo) -> bytes:
        if self._writer is None:
            self._writer = OggWriter(RATE)
        return self._writer.write(sound)

    def _finish(self, sound: Stereo) -> bytes:
        pages = self._encoded(sound) if len(sound) else b""
        return pages + (self._writer.close() if self._writer is not None else b"")

    def _cut(self) -> None:
        if self._pages and self._now() >= self._cut_at:
            self._parts.put(bytes(self._pages))
            self._pages.clear()
            self._cut_at = self._now() + _PART_SECONDS

    def _now(self) -> float:
        return time.monotonic() - self._began

    # --- what fails ---------------------------------------------------------------------

    def _watched(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, ApiRefused):
            logger.error("a recording stopped", exc_info=error)
        self._fail(error.detail if isinstance(error, ApiRefused) else f"{type(error).__name__}: {error}")

    def _fail(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._tell(reason)
            self._stop()

    def _stop(self) -> None:
        self._over = True
        for task in list(self._tasks):
            task.cancel()
