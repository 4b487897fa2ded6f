"""A caller: joins a call's room from a browser or a phone, says WAVs, and keeps what it hears and reads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from livekit import api, rtc
from livekit.rtc.data_stream import StreamError

RATE = 24000
FRAME = RATE // 50
LOUD = 200.0  # root mean square of 16-bit samples: above the noise of codecs, below every voice and tone
RECORDED = Path(__file__).parent.parent / "fixtures" / "livekit" / "02_participant_joined_sip.json"


@dataclass
class Ear:
    """Listens to one track. Moments are seconds of the event loop's clock, alike for every ear of a test."""

    participant: rtc.RemoteParticipant
    track: str
    samples: bytearray = field(default_factory=bytearray)
    first_loud: float | None = None
    last_loud: float | None = None
    loud_seconds: float = 0.0
    quiet_seconds: float = 0.0

    @property
    def agent(self) -> str:
        """`atlas` or `media-bot`."""
        return self.participant.attributes.get("lk.agent.name", "")

    def hear(self, frame: rtc.AudioFrame, now: float) -> None:
        """Take in one frame."""
        data = np.frombuffer(frame.data, dtype=np.int16).astype(np.float64)
        self.samples.extend(frame.data.tobytes())
        if data.size and float(np.sqrt(np.mean(data**2))) >= LOUD:
            self.first_loud = now if self.first_loud is None else self.first_loud
            self.last_loud = now
            self.loud_seconds += frame.duration
            self.quiet_seconds = 0.0
        else:
            self.quiet_seconds += frame.duration


class Caller:
    """`async with Caller(url, token) as caller`: in the room, with a microphone that is silent until something is said."""

    def __init__(self, url: str, token: str, *, call_id: str = "", room_name: str = "") -> None:
        self._url = url
        self._token = token
        self.call_id = call_id
        self.room_name = room_name
        self.room = rtc.Room()
        self.ears: list[Ear] = []
        self.captions: list[tuple[str, str]] = []
        self.left = False
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
        self._sayings: asyncio.Queue[tuple[bytes, asyncio.Future[None]]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Caller:
        self.room.on("track_subscribed", self._on_track)
        self.room.on("disconnected", self._on_disconnected)
        self.room.register_text_stream_handler("lk.transcription", self._on_caption)
        await self.room.connect(self._url, self._token)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        self._start(self._speak())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up()

    async def hang_up(self) -> None:
        """Leave the room, as a person who puts the phone down."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await self.room.disconnect()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def say(self, pcm: bytes) -> None:
        """Speak 24 kHz mono PCM; returns when all of it is said."""
        said: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._sayings.put((pcm, said))
        await said

    def of(self, agent: str, track: str = "") -> list[Ear]:
        """The ears on an agent's tracks, or on those of one name."""
        return [ear for ear in self.ears if ear.agent == agent and track in ("", ear.track)]

    def heard(self, agent: str, track: str = "") -> float:
        """Seconds of sound heard from an agent."""
        return sum(ear.loud_seconds for ear in self.of(agent, track))

    def first_heard(self, agent: str) -> float | None:
        """When an agent was heard first."""
        return min((ear.first_loud for ear in self.of(agent) if ear.first_loud is not None), default=None)

    def quiet(self, agent: str, seconds: float = 0.8) -> bool:
        """Whether an agent has made no sound for so long, after it had made some."""
        ears = self.of(agent)
        return bool(self.heard(agent)) and all(ear.quiet_seconds >= seconds for ear in ears)

    def voice(self, agent: str) -> bytes:
        """Everything heard from an agent, as 24 kHz mono PCM."""
        return b"".join(bytes(ear.samples) for ear in self.of(agent))

    def captions_of(self, mine: bool) -> str:
        """The captions of the caller's own words, or of the agent's."""
        own = self.room.local_participant.identity
        return " ".join(text for identity, text in self.captions if (identity == own) == mine)

    def _start(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _speak(self) -> None:
        """The microphone: what there is to say, else silence, without end."""
        while True:
            if self._sayings.empty():
                await self._sound(bytes(2 * FRAME))
                continue
            pcm, said = self._sayings.get_nowait()
            for piece in _pieces(pcm):
                await self._sound(piece)
            said.set_result(None)

    async def _sound(self, piece: bytes) -> None:
        await self._source.capture_frame(rtc.AudioFrame(piece, RATE, 1, FRAME))

    def _on_track(self, track: rtc.Track, publication: rtc.RemoteTrackPublication, who: rtc.RemoteParticipant) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            ear = Ear(who, publication.name)
            self.ears.append(ear)
            self._start(self._listen(track, ear))
            self._start(self._pick_up())

    async def _pick_up(self) -> None:
        """As livekit-sip does when somebody opens a microphone or plays a tone."""
        if self.room.local_participant.attributes.get("sip.callStatus") == "ringing":
            await self.room.local_participant.set_attributes({"sip.callStatus": "active"})

    async def _listen(self, track: rtc.Track, ear: Ear) -> None:
        loop = asyncio.get_running_loop()
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        try:
            async for event in stream:
                ear.hear(event.frame, loop.time())
        finally:
            await stream.aclose()

    def _on_caption(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._start(self._read(reader, identity))

    async def _read(self, reader: rtc.TextStreamReader, identity: str) -> None:
        with contextlib.suppress(StreamError):  # an agent that is gone leaves half a caption
            self.captions.append((identity, await reader.read_all()))

    def _on_disconnected(self, *_: object) -> None:
        self.left = True


def _pieces(pcm: bytes) -> Iterator[bytes]:
    for start in range(0, len(pcm), 2 * FRAME):
        yield pcm[start : start + 2 * FRAME].ljust(2 * FRAME, b"\0")


def sip_caller(env: dict[str, str], *, tenant: str, trunk_id: str, number: str, caller: str = "+15551234567") -> Caller:
    """A phone call as livekit-sip brings it in: kind SIP and the attributes of a recorded call."""
    recorded = json.loads(RECORDED.read_text())["participant"]["attributes"]
    called = {"sip.trunkID": trunk_id, "sip.trunkPhoneNumber": number, "sip.phoneNumber": caller}
    unique = secrets.token_hex(6)
    room = f"call_{tenant}_{caller}_{unique}"
    token = (
        api.AccessToken(env["LIVEKIT_API_KEY"], env["LIVEKIT_API_SECRET"])
        .with_identity(f"sip_{caller}")
        .with_name(f"Phone {caller}")
        .with_kind("sip")
        .with_attributes(recorded | called | {"sip.callID": f"SCL_{unique}", "sip.callIDFull": f"{unique}@127.0.0.1"})
        .with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True))
        .with_ttl(timedelta(minutes=1))
    )
    return Caller(env["LIVEKIT_URL"], token.to_jwt(), room_name=room)
