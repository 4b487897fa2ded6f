"""The caller's side of a call over WebRTC, in a thread of its own."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import numpy as np
from livekit import rtc

from apps.calls.caller.audio import HEARD_RATE, Recording, Wav, is_sound

CONNECT_SECONDS = 10.0
FRAME_SECONDS = 0.02
QUEUE_MS = 200
STATE = "lk.agent.state"
ATLAS = "atlas"
QUIET = 1.5  # seconds of silence after which an answer is taken to be over
NO_GREETING = 4.0


class Caller:
    """Calls, waits for the greeting, plays each WAV when Atlas listens, waits for the answer to it, and hangs up.

    Times are seconds since the call began. `problem` is a sentence once something has gone wrong.
    """

    def __init__(self, url: str, token: str, wavs: Sequence[Wav], *, timeout: float) -> None:
        self._url, self._token, self._wavs, self._timeout = url, token, wavs, timeout
        self._began = time.monotonic()
        self._sounds: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._to_say: list[np.ndarray] = []
        self._state = ""
        self.recording = Recording()
        self.connected: float | None = None
        self.first_word: float | None = None
        self.heard_after: list[float] = []
        self.problem = ""
        self.over = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="caller", daemon=True)

    def start(self) -> None:
        """Begins to call."""
        self._thread.start()

    def hang_up(self) -> None:
        """Ends the call, whatever is being said, and waits until it is."""
        self._stop.set()
        self._thread.join(timeout=CONNECT_SECONDS)

    @property
    def now(self) -> float:
        return time.monotonic() - self._began

    def _run(self) -> None:
        try:
            asyncio.run(self._call())
        except (rtc.ConnectError, TimeoutError) as error:
            self.problem = f"LiveKit at {self._url} could not be reached ({error or type(error).__name__})."
        finally:
            self.over.set()

    async def _call(self) -> None:
        room = rtc.Room()
        room.register_text_stream_handler("lk.transcription", lambda *_: None)  # the events tell the same, and more
        room.on("track_subscribed", self._on_track)
        room.on("participant_attributes_changed", lambda _, who: self._on_state(who))
        room.on("participant_connected", self._on_state)
        room.on("disconnected", lambda *_: self._stop.set())
        await asyncio.wait_for(room.connect(self._url, self._token), CONNECT_SECONDS)
        self.connected = self.now
        try:
            await self._microphone(room)
            await self._converse()
        finally:
            for task in self._tasks:
                task.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(room.disconnect(), CONNECT_SECONDS)

    async def _converse(self) -> None:
        if not await self._until(self._greeted, self._timeout):
            self.problem = self.problem or f"Nobody answered within {self._timeout:.0f} seconds."
            return
        for wav in self._wavs:
            await self._ask(wav)
        self._stop.set()

    def _greeted(self) -> bool:
        if self._state != "listening":
            return False
        if self.first_word is not None:
            return self._quiet()
        return self.connected is not None and self.now - self.connected > NO_GREETING

    async def _ask(self, wav: Wav) -> None:
        self._say(wav)
        if not await self._until(lambda: not self._to_say, wav.seconds + self._timeout):
            return
        asked = self.now
        if not await self._until(lambda: (self._sounds or 0) > asked, self._timeout):
            self.problem = self.problem or f"No answer was heard within {self._timeout:.0f} seconds."
            return
        self.heard_after.append((self._sounds or asked) - asked)
        await self._until(lambda: self._state == "listening" and self._quiet(), self._timeout)

    def _quiet(self) -> bool:
        return self._sounds is not None and self.now - self._sounds > QUIET

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """False when the time is up or the call is over before the condition holds."""
        end = self.now + seconds
        while self.now < end and not self._stop.is_set():
            if condition():
                return True
            await asyncio.sleep(FRAME_SECONDS)
        return condition()

    def _say(self, wav: Wav) -> None:
        samples = _resampled(wav.samples, wav.rate, HEARD_RATE)
        size = int(HEARD_RATE * FRAME_SECONDS)
        self._to_say = [samples[start : start + size] for start in range(0, len(samples), size)]

    async def _microphone(self, room: rtc.Room) -> None:
        source = rtc.AudioSource(HEARD_RATE, 1, queue_size_ms=QUEUE_MS)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await asyncio.wait_for(room.local_participant.publish_track(track, options), CONNECT_SECONDS)
        self._background(self._speak(source))

    async def _speak(self, source: rtc.AudioSource) -> None:
        """A microphone is never still: silence goes out between the words, as from a browser."""
        size = int(HEARD_RATE * FRAME_SECONDS)
        while True:
            samples = self._to_say[0] if self._to_say else np.zeros(size, dtype=np.int16)
            padded = np.pad(samples, (0, size - len(samples)))
            await source.capture_frame(rtc.AudioFrame(padded.tobytes(), HEARD_RATE, 1, size))
            if self._to_say:
                self._to_say.pop(0)

    def _on_track(self, track: rtc.Track, _: rtc.RemoteTrackPublication, who: rtc.RemoteParticipant) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._on_state(who)
            self._background(self._listen(track, who))

    def _on_state(self, who: rtc.Participant) -> None:
        if who.attributes.get("lk.agent_name") == ATLAS:
            self._state = who.attributes.get(STATE, self._state)

    async def _listen(self, track: rtc.Track, who: rtc.RemoteParticipant) -> None:
        stream = rtc.AudioStream(track, sample_rate=HEARD_RATE, num_channels=1)
        async for event in stream:
            samples = np.frombuffer(event.frame.data, dtype=np.int16)
            self.recording.add(track.sid, samples, self.now)
            if who.attributes.get("lk.agent_name") == ATLAS and is_sound(samples):
                self._heard()
        await stream.aclose()

    def _heard(self) -> None:
        self._sounds = self.now
        if self.first_word is None:
            self.first_word = self.now

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _resampled(samples: "np.ndarray", rate: int, wanted: int) -> "np.ndarray":
    """Linear interpolation is enough for speech into Opus."""
    if rate == wanted:
        return samples
    places = np.arange(0, len(samples), rate / wanted)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.int16)
