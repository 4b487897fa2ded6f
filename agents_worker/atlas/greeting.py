"""The first sentence, spoken while the room is still being joined."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, tts

logger = logging.getLogger(__name__)

_OPTIONS = APIConnectOptions(max_retry=1, retry_interval=0.2, timeout=5.0)


class Greeting:
    """Starts to synthesise at once; the frames wait until the caller can hear them."""

    def __init__(self, voice: tts.TTS, text: str) -> None:
        self.text = text
        self._voice = voice
        self._frames: asyncio.Queue[rtc.AudioFrame | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._synthesize())
        self._first = asyncio.create_task(self._frames.get())

    async def audio(self) -> AsyncIterator[rtc.AudioFrame] | None:
        """The sound, from its first frame on; None when the voice failed to give any."""
        first = await self._first
        return None if first is None else self._from(first)

    def cancel(self) -> None:
        self._task.cancel()
        self._first.cancel()

    async def _from(self, first: rtc.AudioFrame) -> AsyncIterator[rtc.AudioFrame]:
        frame: rtc.AudioFrame | None = first
        while frame is not None:
            yield frame
            frame = await self._frames.get()

    async def _synthesize(self) -> None:
        try:
            async with self._voice.synthesize(self.text, conn_options=_OPTIONS) as stream:
                async for piece in stream:
                    self._frames.put_nowait(piece.frame)
        except APIError as error:
            logger.warning("the greeting could not be prepared: %s", error)
        finally:
            self._frames.put_nowait(None)
