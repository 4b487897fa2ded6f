"""A scripted caller: joins a room, speaks PCM through a microphone track, and notes when it hears what."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from livekit import rtc

from agents_worker.native import native_start, publish_options, room_alone, sound_of
from bench.sound import RATE

LOUD = 120.0  # root mean square of a frame that a listener hears
PAUSE = 0.3  # seconds of silence after which sound counts as a new beginning
FRAME_MS = 60  # sound is spoken and heard in pieces of this length: small ones are most of what a caller costs
FRAME = RATE * FRAME_MS // 1000
STEP = RATE // 100  # within a piece the beginning of sound is told to 10 ms


@dataclass
class Ear:
    """One track as the caller hears it; times as of time.time()."""

    name: str
    microphone: bool
    starts: list[float] = field(default_factory=list)
    last: float = 0.0

    def hear(self, samples: "np.ndarray[Any, np.dtype[np.int16]]") -> None:
        """One frame, as it arrives."""
        steps = samples[: samples.size // STEP * STEP].astype(np.float32).reshape(-1, STEP)
        loud = np.flatnonzero(np.einsum("ij,ij->i", steps, steps) >= LOUD**2 * STEP)
        if not loud.size:
            return
        now = time.time()
        first = now - (len(steps) - 1 - int(loud[0])) * STEP / RATE
        if first - self.last > PAUSE:
            self.starts.append(first)
        self.last = now - (len(steps) - 1 - int(loud[-1])) * STEP / RATE


class Caller:
    """`async with Caller(url, token) as caller`: in the room, with a silent microphone, until the block ends."""

    def __init__(self, url: str, token: str) -> None:
        native_start()
        self._url, self._token = url, token
        self.room = rtc.Room()
        self.ears: list[Ear] = []
        self.joins: dict[str, float] = {}
        self.connected_at = 0.0
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=2 * FRAME_MS)
        self._words: asyncio.Queue[tuple[bytes, asyncio.Future[float]]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.room.on("track_subscribed", self._on_track)
        self.room.on("participant_connected", self._on_join)
        await self.room.connect(self._url, self._token)
        room_alone(self.room)
        self.connected_at = time.time()
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = publish_options(rtc.TrackSource.SOURCE_MICROPHONE)
        self._start(self._microphone())
        await self.room.local_participant.publish_track(track, options)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()
        await self._source.aclose()

    async def say(self, pcm: bytes) -> float:
        """Speaks, and returns when the last sample left the microphone."""
        done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        await self._words.put((pcm, done))
        return await done

    async def agent_heard(self, since: float, timeout: float) -> float | None:
        """When the agent's voice began after `since`; None when it did not within `timeout` seconds."""
        return await self._until(lambda: self.first_sound(since, microphone=True), timeout)

    async def agent_quiet(self, seconds: float, timeout: float) -> None:
        """Until the agent has said nothing for `seconds`."""
        await self._until(lambda: time.time() - self._last_sound() > seconds or None, timeout)

    def first_sound(self, since: float = 0.0, *, microphone: bool) -> float | None:
        """When sound from an agent's microphone, or from any other track of it, began after `since`."""
        return min((at for ear in self.ears if ear.microphone is microphone for at in ear.starts if at > since), default=None)

    def _last_sound(self) -> float:
        return max((ear.last for ear in self.ears if ear.microphone), default=0.0)

    async def _until(self, found: Callable[[], Any], timeout: float) -> Any:
        end = time.monotonic() + timeout
        while (value := found()) is None and time.monotonic() < end:
            await asyncio.sleep(0.02)  # what is measured was noted by the ears; this only waits for it
        return value

    def _start(self, coroutine: Awaitable[None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)  # type: ignore[arg-type]
        task.add_done_callback(self._tasks.discard)  # type: ignore[arg-type]

    async def _microphone(self) -> None:
        """What there is to say, else silence, without end."""
        silence = bytes(2 * FRAME)
        while True:
            if self._words.empty():
                await self._frame(silence)
                continue
            pcm, done = self._words.get_nowait()
            for start in range(0, len(pcm), 2 * FRAME):
                await self._frame(pcm[start : start + 2 * FRAME].ljust(2 * FRAME, b"\0"))
            done.set_result(time.time() + self._source.queued_duration)

    async def _frame(self, pcm: bytes) -> None:
        await self._source.capture_frame(rtc.AudioFrame(pcm, RATE, 1, FRAME))

    def _on_join(self, participant: rtc.RemoteParticipant) -> None:
        self.joins[participant.attributes.get("lk.agent.name") or participant.identity] = time.time()

    def _on_track(self, track: rtc.Track, publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            ear = Ear(publication.name, publication.source == rtc.TrackSource.SOURCE_MICROPHONE)
            self.ears.append(ear)
            self._start(self._listen(track, ear))

    async def _listen(self, track: rtc.Track, ear: Ear) -> None:
        stream = sound_of(track, rate=RATE, frame_ms=FRAME_MS)
        try:
            async for event in stream:
                ear.hear(np.frombuffer(event.frame.data, dtype=np.int16))
        finally:
            await stream.aclose()


@dataclass(frozen=True)
class Turn:
    """One question and when its answer began, `running` calls being held at the time; times as of time.time()."""

    ended_at: float
    heard_at: float
    running: int = 1

    @property
    def seconds(self) -> float:
        """From the end of speech to the first sound."""
        return self.heard_at - self.ended_at


async def turn(caller: Caller, pcm: bytes, *, timeout: float = 15.0, running: Callable[[], int] = lambda: 1) -> Turn | None:
    """Asks, waits for the answer to begin and to end. None when nothing was heard."""
    ended_at = await caller.say(pcm)
    heard_at = await caller.agent_heard(ended_at, timeout)
    if heard_at is None:
        return None
    now_running = running()
    await caller.agent_quiet(0.7, 20.0)
    return Turn(ended_at, heard_at, now_running)
