"""Media Bot speaking one sentence to a caller whom no agent will answer, and ending the call."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping

from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, AutoSubscribe, JobContext, tts

from agents_worker.backend import ApiRefused, ApiUnavailable, CallApi
from agents_worker.contracts import (
    AgentConfig,
    Announcement,
    Credential,
    Dispatch,
    LanguageModel,
    SpeechToText,
    StateEvent,
    TextToSpeech,
    TranscriptEvent,
)
from agents_worker.media_bot import tones
from agents_worker.media_bot.player import Player
from agents_worker.native import room_alone
from agents_worker.providers import ModelFactory, ProviderError
from agents_worker.publisher import EventPublisher
from agents_worker.room import AGENT_STATE_ATTRIBUTE, caller_wait, picked_up

logger = logging.getLogger(__name__)

SOURCE = "media-bot"
_CALLER_SECONDS = 10.0
_SPEECH_SECONDS = 30.0
_REORDER_CYCLES = 6
_TTS_OPTIONS = APIConnectOptions(max_retry=1, retry_interval=0.3, timeout=5.0)


class AnnouncementCall:
    def __init__(self, ctx: JobContext, dispatch: Dispatch, announcement: Announcement) -> None:
        self._ctx = ctx
        self._dispatch = dispatch
        self._announcement = announcement
        self._api = CallApi(dispatch)
        self._events: EventPublisher | None = None
        if dispatch.token:
            self._events = EventPublisher(self._api.events_send, source=SOURCE, attempt=dispatch.attempt, heartbeat=False)

    async def start(self) -> None:
        """Join, speak, and leave; the job ends with it."""
        if self._events is not None:
            self._events.start()
        try:
            await self._ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
            room_alone(self._ctx.room)
            caller = await caller_wait(self._ctx.room, _CALLER_SECONDS)
            await asyncio.wait_for(self._speak(caller), _SPEECH_SECONDS)
        except TimeoutError:
            logger.error("the announcement to call %s was not finished", self._dispatch.call_id)
        self._ctx.shutdown("announced")

    async def settle(self) -> None:
        """Tell that the call may be closed, and close every connection."""
        if self._events is not None:
            if self._announcement.end_call:
                self._events.publish(StateEvent(state="closed", detail="announced"))
            await self._events.aclose()
        await self._api.aclose()

    async def _speak(self, caller: rtc.RemoteParticipant) -> None:
        await self._set_state("speaking")
        for factory in await self._factories():
            try:
                await self._say(factory.tts(), caller)
            except (ProviderError, APIError) as error:
                logger.warning("an announcement could not be spoken: %s", error)
            else:
                self._told()
                break
            finally:
                await factory.aclose()
        else:
            await self._reorder_tone(caller)
        await self._set_state("listening")

    async def _factories(self) -> list[ModelFactory]:
        """The agent's voice, then the platform's own."""
        found = []
        if self._dispatch.token and self._dispatch.agent_id:
            try:
                found.append(ModelFactory(await self._api.agent_config(attempts=2)))
            except (ApiRefused, ApiUnavailable) as error:
                logger.info("the announcement is spoken in the platform's voice: %s", error)
        own = platform_config(self._announcement.language)
        return [*found, ModelFactory(own)] if own is not None else found

    async def _say(self, voice: tts.TTS, caller: rtc.RemoteParticipant) -> None:
        player = Player(self._ctx.room, "announcement", rate=voice.sample_rate)
        try:
            stream = voice.synthesize(self._announcement.text, conn_options=_TTS_OPTIONS)
            async with stream:
                await player.publish()
                await picked_up(self._ctx.room, caller)
                async for piece in stream:
                    await player.frame(piece.frame)
            await player.played_out()
        finally:
            await player.aclose()
            await voice.aclose()

    async def _reorder_tone(self, caller: rtc.RemoteParticipant) -> None:
        player = Player(self._ctx.room, "announcement", rate=tones.RATE)
        await player.publish()
        await picked_up(self._ctx.room, caller)
        await player.play(tones.cycle(tones.REORDER) * _REORDER_CYCLES)
        await player.played_out()
        await player.aclose()

    def _told(self) -> None:
        if self._events is not None:
            self._events.publish(
                TranscriptEvent(
                    speaker="agent",
                    text=self._announcement.text,
                    language=self._announcement.language,
                )
            )

    async def _set_state(self, state: str) -> None:
        """So that a Media Bot that rings in the same room falls silent."""
        await self._ctx.room.local_participant.set_attributes({AGENT_STATE_ATTRIBUTE: state})


def platform_config(language: str, environ: Mapping[str, str] | None = None) -> AgentConfig | None:
    """The worker's own voice, from its environment; None when it has no key for one.

    MERIDIAN_TTS_PROVIDER, _MODEL and _VOICE choose it, with the provider's usual key.
    """
    env = os.environ if environ is None else environ
    provider = env.get("MERIDIAN_TTS_PROVIDER") or ("openai" if env.get("OPENAI_API_KEY") else "elevenlabs")
    key = env.get(f"{provider.upper()}_API_KEY", "")
    if not key or provider not in ("openai", "elevenlabs"):
        return None
    openai = provider == "openai"
    speech = TextToSpeech(
        provider="openai" if openai else "elevenlabs",
        model=env.get("MERIDIAN_TTS_MODEL") or ("tts-1" if openai else "eleven_flash_v2_5"),
        voice=env.get("MERIDIAN_TTS_VOICE") or ("alloy" if openai else ""),
    )
    base_url = env.get(f"{provider.upper()}_BASE_URL") or None
    return AgentConfig(
        id="platform",
        slug="platform",
        language=language,
        stt=SpeechToText(provider="openai", model="unused"),
        llm=LanguageModel(provider="openai", model="unused"),
        tts=speech,
        credentials={provider: Credential(api_key=key, base_url=base_url)},
    )
