"""Media Bot's own speech to text: Deepgram's stream through its SDK, or utterances to an
OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import openai
import websockets
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.socket_client import AsyncV1SocketClient
from deepgram.listen.v1.types.listen_v1results import ListenV1Results
from livekit import rtc

from agents_worker.contracts import AgentConfig, Credential, Speaker, SttUsage, utc_now
from agents_worker.guard import addresses_of
from agents_worker.media_bot.utterances import Utterance
from agents_worker.providers import ProviderError
from agents_worker.room import cancelled

logger = logging.getLogger(__name__)

RATE = 16000
# the conversation's own recognition of the same words goes first
COURTESY_SECONDS = 1.2
_DEEPGRAM_HOST = "https://api.deepgram.com"
_KEEP_ALIVE_SECONDS = 5.0
_RECONNECT_SECONDS = 1.0
_LONGEST_RECONNECT = 20
_REQUEST_SECONDS = 20.0


@dataclass(frozen=True)
class Heard:
    """Something a speaker said, as Media Bot understood it."""

    speaker: Speaker
    text: str
    started_at: datetime
    ended_at: datetime


class Transcriber(Protocol):
    """Speech to text of one speaker."""

    def heard(self) -> AsyncIterator[Heard]:
        """What is said, until the audio ends."""
        ...

    def usage(self) -> SttUsage:
        """What was consumed so far."""
        ...


class UtteranceTranscriber:
    """Sends whole utterances to /audio/transcriptions of an OpenAI-compatible server."""

    def __init__(
        self,
        speaker: Speaker,
        utterances: AsyncIterator[Utterance],
        client: openai.AsyncClient,
        config: AgentConfig,
    ) -> None:
        self._speaker = speaker
        self._utterances = utterances
        self._client = client
        self._model = config.stt.model
        self._language = config.language.replace("_", "-").split("-")[0].lower()
        self._seconds = 0.0

    async def heard(self) -> AsyncIterator[Heard]:
        async for utterance in self._utterances:
            await asyncio.sleep(COURTESY_SECONDS)
            text = await self._recognize(utterance)
            if text:
                yield Heard(self._speaker, text, utterance.started_at, utterance.ended_at)

    def usage(self) -> SttUsage:
        return SttUsage(provider="openai", model=self._model, audio_duration=round(self._seconds, 3))

    async def _recognize(self, utterance: Utterance) -> str:
        try:
            answer = await self._client.audio.transcriptions.create(
                model=self._model,
                file=("speech.wav", utterance.audio.to_wav_bytes(), "audio/wav"),
                language=self._language,
                timeout=_REQUEST_SECONDS,
            )
        except openai.OpenAIError as error:
            logger.warning("an utterance of the %s was not recognised: %s", self._speaker, error)
            return ""
        self._seconds += utterance.audio.duration
        return answer.text.strip()


class DeepgramTranscriber:
    """Streams one speaker to Deepgram's /v1/listen through deepgram-sdk.

    Protocol: Deepgram's "Live audio" reference: binary frames of PCM in, `Results` out,
    `KeepAlive` while nobody speaks, `CloseStream` at the end.
    """

    def __init__(
        self,
        speaker: Speaker,
        frames: AsyncIterator[rtc.AudioFrame],
        credential: Credential,
        config: AgentConfig,
    ) -> None:
        self._speaker = speaker
        self._frames = frames
        self._config = config
        self._credential = credential
        self._client = AsyncDeepgramClient(api_key=credential.api_key, environment=deepgram_environment(credential.base_url))
        self._seconds = 0.0
        self._opened_at = utc_now()
        self._ended = False

    async def heard(self) -> AsyncIterator[Heard]:
        """Raises ProviderError when Deepgram refuses; a lost connection is made again."""
        failures = 0
        while not self._ended:
            try:
                async for item in self._one_connection():
                    failures = 0
                    yield item
            except (websockets.WebSocketException, ApiError, OSError) as error:
                _raise_if_refused(error)
                logger.warning("Deepgram lost the %s: %s", self._speaker, error)
                failures += 1
            await asyncio.sleep(_RECONNECT_SECONDS * min(failures, _LONGEST_RECONNECT))

    def usage(self) -> SttUsage:
        return SttUsage(
            provider="deepgram",
            model=self._config.stt.model,
            audio_duration=round(self._seconds, 3),
        )

    async def _check(self) -> None:
        """The SDK resolves the name once more as it connects: this is the nearest that it lets anybody look. Raises OSError."""
        if self._credential.allowed_networks is not None:
            parts = urlsplit(self._credential.base_url or _DEEPGRAM_HOST)
            await addresses_of(parts.hostname or "", parts.port or 443, self._credential.allowed_networks)

    async def _one_connection(self) -> AsyncIterator[Heard]:
        await self._check()
        connection = self._client.listen.v1.connect(
            model=self._config.stt.model,
            language=self._config.language,
            encoding="linear16",
            sample_rate=RATE,
            channels=1,
            punctuate=True,
            endpointing=300,
        )
        async with connection as socket:
            self._opened_at = utc_now()
            sending = asyncio.create_task(self._send(socket))
            keeping = asyncio.create_task(_keep_alive(socket))
            try:
                async for message in socket:
                    if isinstance(message, ListenV1Results) and (item := self._item(message)):
                        yield item
            finally:
                await cancelled(keeping)
                await cancelled(sending)

    async def _send(self, socket: AsyncV1SocketClient) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for frame in self._frames:
                await socket.send_media(frame.data.tobytes())
                self._seconds += frame.duration
            self._ended = True
            await socket.send_close_stream()

    def _item(self, results: ListenV1Results) -> Heard | None:
        text = results.channel.alternatives[0].transcript.strip()
        if not results.is_final or not text:
            return None
        started = self._opened_at + timedelta(seconds=results.start)
        ended = started + timedelta(seconds=results.duration)
        return Heard(self._speaker, text, started, ended)


def _raise_if_refused(error: Exception) -> None:
    status = error.status_code if isinstance(error, ApiError) else None
    if status is not None and 400 <= status < 500:
        raise ProviderError(
            f"Deepgram refused to transcribe ({status}): check its API key and the agent's speech to text model in Compass."
        ) from error


async def _keep_alive(socket: AsyncV1SocketClient) -> None:
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            await asyncio.sleep(_KEEP_ALIVE_SECONDS)
            await socket.send_keep_alive()


def deepgram_environment(base_url: str | None) -> DeepgramClientEnvironment:
    """The SDK's addresses for a base address with or without a path."""
    parts = urlsplit(base_url or _DEEPGRAM_HOST)
    http = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    ws = http.replace("http", "ws", 1)
    return DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)
