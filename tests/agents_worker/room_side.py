"""A livekit-server and a caller for in-room tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
from livekit import api, rtc

from embedded.ports import ports_free
from embedded.toolchain import livekit_binary
from tests.agents_worker.web_side import AGENT_ID, CALL_ID, TOKEN

API_KEY = "devkey"
API_SECRET = "a-test-secret-of-more-than-32-characters"
LOUD = 500.0
RATE = 24000


class LiveKit:
    """One livekit-server process on free ports of the loopback address."""

    def __init__(self) -> None:
        self._binary = livekit_binary()
        self._process: asyncio.subprocess.Process | None = None
        self.port, self._tcp_port, self._udp_port = ports_free(3)
        self.url = f"ws://127.0.0.1:{self.port}"

    async def start(self) -> None:
        config = {
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "rtc": {"tcp_port": self._tcp_port, "udp_port": self._udp_port, "node_ip": "127.0.0.1"},
            "keys": {API_KEY: API_SECRET},
            "agents": {"target_load": 0.99},
            "logging": {"level": "error"},
        }
        command = [str(self._binary), "--config-body", json.dumps(config), "--bind", "127.0.0.1"]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(45), aiohttp.ClientSession() as http:
            while not await self._answers(http):
                await asyncio.sleep(0.05)

    async def _answers(self, http: aiohttp.ClientSession) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with http.get(f"http://127.0.0.1:{self.port}/") as response:
                return response.status == 200
        return False

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @contextlib.asynccontextmanager
    async def api(self) -> AsyncIterator[api.LiveKitAPI]:
        client = api.LiveKitAPI(self.url, API_KEY, API_SECRET)
        try:
            yield client
        finally:
            await client.aclose()

    async def dispatch(self, room: str, agent: str, api_url: str, **changes: Any) -> None:
        """Dispatch an agent as the Call Service does."""
        metadata = {
            "tenant": "acme",
            "agent_id": AGENT_ID,
            "call_id": CALL_ID,
            "token": TOKEN,
            "api_url": api_url,
            "attempt": 1,
        } | changes
        async with self.api() as client:
            await client.agent_dispatch.create_dispatch(
                api.CreateAgentDispatchRequest(agent_name=agent, room=room, metadata=json.dumps(metadata))
            )


def token(room: str, identity: str, *, kind: str = "standard") -> str:
    grants = api.VideoGrants(room_join=True, room=room)
    access = api.AccessToken(API_KEY, API_SECRET).with_identity(identity).with_grants(grants)
    return access.with_kind(kind).to_jwt()


class Ear:
    """Listens to one track: how loud it is now, and how much of it was heard."""

    def __init__(self, name: str, kind: int) -> None:
        self.name = name
        self.kind = kind
        self.level = 0.0
        self.loud_seconds = 0.0
        self.samples = bytearray()


class Caller:
    """Joins a room, speaks from PCM, and hears every other track."""

    def __init__(self, livekit: LiveKit, room: str, *, kind: str = "standard") -> None:
        self._livekit = livekit
        self.room_name = room
        self.identity = f"caller-{secrets.token_hex(3)}"
        self._kind = kind
        self.room = rtc.Room()
        self.ears: list[Ear] = []
        self.captions: list[tuple[str, str]] = []
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
        self._voice: asyncio.Queue[bytes] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self) -> None:
        self.room.on("track_subscribed", self._on_track)
        self.room.register_text_stream_handler("lk.transcription", self._on_caption)
        jwt = token(self.room_name, self.identity, kind=self._kind)
        await self.room.connect(self._livekit.url, jwt)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        self._start(self._speak())

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.room.disconnect()

    async def say(self, pcm: bytes) -> None:
        """Speak 24 kHz mono PCM, after what is being said already."""
        await self._voice.put(pcm)

    def heard(self, kind: int = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT, name: str = "") -> float:
        """Seconds of sound heard from tracks of a kind, or of a name."""
        ears = [e for e in self.ears if (e.name == name if name else e.kind == kind)]
        return sum(ear.loud_seconds for ear in ears)

    def quiet(self, name: str) -> bool:
        return all(ear.level < LOUD for ear in self.ears if ear.name == name)

    async def until(self, condition: Any, timeout: float = 45.0) -> None:
        """Until a condition on what was heard holds; checked as frames and captions arrive."""
        async with asyncio.timeout(timeout):
            while not condition():
                changed = self._changed
                await changed.wait()

    def _start(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _speak(self) -> None:
        """The microphone: what there is to say, else silence, without end."""
        step = RATE // 50
        silence = bytes(2 * step)
        pending = b""
        while True:
            if not pending and not self._voice.empty():
                pending = self._voice.get_nowait()
            piece, pending = pending[: 2 * step], pending[2 * step :]
            piece = piece + silence[len(piece) :]
            await self._source.capture_frame(rtc.AudioFrame(piece, RATE, 1, step))

    def _on_track(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            ear = Ear(publication.name, participant.kind)
            self.ears.append(ear)
            self._start(self._listen(track, ear))

    async def _listen(self, track: rtc.Track, ear: Ear) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        try:
            async for event in stream:
                data = np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float64)
                ear.samples.extend(event.frame.data.tobytes())
                ear.level = float(np.sqrt(np.mean(data**2))) if data.size else 0.0
                if ear.level >= LOUD:
                    ear.loud_seconds += event.frame.duration
                self._wake()
        finally:
            await stream.aclose()

    def _on_caption(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._start(self._read_caption(reader, identity))

    async def _read_caption(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self.captions.append((identity, await reader.read_all()))
        self._wake()


def silence(seconds: float) -> bytes:
    return struct.pack("<h", 0) * int(seconds * RATE)
