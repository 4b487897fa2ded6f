"""A track of Media Bot's own, on which it plays PCM."""

from __future__ import annotations

import asyncio

from livekit import rtc

from agents_worker.native import publish_options

_FRAME_SECONDS = 0.05
_QUEUE_MS = 100


class Player:
    """Publishes a track on first use; `rate` of its PCM in Hz, mono.

    The source is not MICROPHONE: an agent listens to microphones only, so a tone can never be
    taken for speech.
    """

    def __init__(self, room: rtc.Room, name: str, *, rate: int) -> None:
        self._room = room
        self._name = name
        self._rate = rate
        self._source = rtc.AudioSource(rate, 1, queue_size_ms=_QUEUE_MS)
        self._sid: str | None = None

    async def publish(self) -> None:
        if self._sid is None:
            track = rtc.LocalAudioTrack.create_audio_track(self._name, self._source)
            options = publish_options(rtc.TrackSource.SOURCE_UNKNOWN)
            publication = await self._room.local_participant.publish_track(track, options)
            self._sid = publication.sid

    async def play(self, pcm: bytes) -> None:
        """Play to the end, at the speed of sound."""
        await self.publish()
        step = 2 * int(self._rate * _FRAME_SECONDS)
        for start in range(0, len(pcm), step):
            piece = pcm[start : start + step]
            await self._source.capture_frame(rtc.AudioFrame(piece, self._rate, 1, len(piece) // 2))

    async def frame(self, frame: rtc.AudioFrame) -> None:
        await self.publish()
        await self._source.capture_frame(frame)

    async def played_out(self) -> None:
        await self._source.wait_for_playout()

    async def aclose(self) -> None:
        """Fall silent at once and take the track away."""
        self._source.clear_queue()
        if self._sid is not None and self._room.isconnected():
            sid, self._sid = self._sid, None
            await self._room.local_participant.unpublish_track(sid)
        await self._source.aclose()


class Ringback:
    """Rings until told to stop."""

    def __init__(self, room: rtc.Room, pcm: bytes, *, rate: int) -> None:
        self._player = Player(room, "ringback", rate=rate)
        self._pcm = pcm
        self._task: asyncio.Task[None] | None = None

    @property
    def ringing(self) -> bool:
        return self._task is not None

    async def start(self) -> None:
        await self._player.publish()
        self._task = asyncio.create_task(self._ring())

    async def stop(self) -> bool:
        """True when it was ringing until now."""
        task, self._task = self._task, None
        if task is None:
            return False
        task.cancel()
        await self._player.aclose()
        return True

    async def _ring(self) -> None:
        while True:
            await self._player.play(self._pcm)
