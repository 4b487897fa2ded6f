"""An agent without models: joins by its dispatch as Atlas does, hums, answers every sound it hears, and tells events."""

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
from django.conf import settings
from livekit import rtc
from livekit.api import AccessToken, VideoGrants

RATE = 24_000
PAUSE = 0.6  # seconds; longer than the sound itself
HUM = (np.sin(np.arange(RATE // 2) * 2 * np.pi * 300 / RATE) * 8000).astype(np.int16)
USAGE = [{"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": 2.5}]


class PretendAtlas:
    """Starts with a dispatch's metadata and a room's name; `join()` waits for its end."""

    def __init__(self, metadata: dict[str, Any], room_name: str) -> None:
        self._metadata, self._room_name = metadata, room_name
        self._seq = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(timeout=60)

    async def _run(self) -> None:
        room, over = rtc.Room(), asyncio.Event()
        heard: asyncio.Queue[float] = asyncio.Queue()
        room.on("disconnected", lambda *_: over.set())
        room.on("participant_disconnected", lambda *_: over.set())
        tasks = []
        room.on("track_subscribed", lambda track, *_: tasks.append(asyncio.create_task(_listen(track, heard))))
        await room.connect(settings.LIVEKIT_URL, self._token())
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("atlas", source)
        await room.local_participant.publish_track(track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))
        await self._speak(room, source, "Hello, this is Reception.")
        talk = asyncio.create_task(self._answer(room, source, heard))
        await over.wait()
        talk.cancel()
        for task in tasks:
            task.cancel()
        await self._tell({"type": "usage", "usage": USAGE}, {"type": "state", "state": "closed", "detail": "caller_hangup"})
        await room.disconnect()

    async def _answer(self, room: rtc.Room, source: rtc.AudioSource, heard: "asyncio.Queue[float]") -> None:
        while True:
            await heard.get()
            await self._tell({"type": "transcript", "speaker": "caller", "text": "What are your hours?"})
            await self._tell({"type": "latency", "turn": 1, "e2e": 0.42, "llm_first_token": 0.2})
            await self._speak(room, source, "We are open all day.")

    async def _speak(self, room: rtc.Room, source: rtc.AudioSource, text: str) -> None:
        await room.local_participant.set_attributes({"lk.agent.state": "speaking"})
        await self._tell({"type": "state", "state": "speaking"}, {"type": "transcript", "speaker": "agent", "text": text})
        await source.capture_frame(rtc.AudioFrame(HUM.tobytes(), RATE, 1, len(HUM)))
        await source.wait_for_playout()
        await room.local_participant.set_attributes({"lk.agent.state": "listening"})

    async def _tell(self, *events: dict[str, Any]) -> None:
        batch = []
        for event in events:
            batch.append({"seq": self._seq, "source": "atlas", "at": datetime.now(UTC).isoformat(), **event})
            self._seq += 1
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{self._metadata['api_url']}/calls/{self._metadata['call_id']}/events"
            headers = {"Authorization": f"Bearer {self._metadata['token']}"}
            answer = await client.post(url, json={"events": batch}, headers=headers, timeout=60)
        answer.raise_for_status()

    def _token(self) -> str:
        grants = VideoGrants(room_join=True, room=self._room_name, can_update_own_metadata=True, agent=True)
        token = AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET).with_identity("agent-AJ_pretend")
        return token.with_kind("agent").with_attributes({"lk.agent_name": "atlas"}).with_grants(grants).to_jwt()


async def _listen(track: rtc.Track, heard: "asyncio.Queue[float]") -> None:
    """Puts a mark when speech has come to its end; what a busy machine swallows of it is shorter than PAUSE."""
    loud, quiet = False, 0.0
    async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
        level = float(np.abs(np.frombuffer(event.frame.data, dtype=np.int16)).max())
        quiet = quiet + event.frame.duration if level < 100 else 0.0
        if loud and quiet > PAUSE:
            await heard.put(level)
            loud = False
        loud = loud or level > 1000
