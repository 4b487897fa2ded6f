"""Media Bot in one call: rings until Atlas is heard, then listens to both sides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from livekit import rtc
from livekit.agents import AutoSubscribe, JobContext, vad

from agents_worker.backend import ApiRefused, ApiUnavailable, CallApi
from agents_worker.contracts import (
    AgentConfig,
    Dispatch,
    ErrorEvent,
    HeartbeatEvent,
    Speaker,
    StateEvent,
    TranscriptEvent,
    UsageEvent,
)
from agents_worker.media_bot import tones
from agents_worker.media_bot.player import Ringback
from agents_worker.media_bot.recording import Recorder
from agents_worker.media_bot.sentiment import Sentiment, sentiment_event, sentiment_for
from agents_worker.media_bot.transcribe import (
    RATE,
    DeepgramTranscriber,
    Heard,
    Transcriber,
    UtteranceTranscriber,
)
from agents_worker.media_bot.utterances import by_level, by_voice
from agents_worker.native import room_alone, sound_of
from agents_worker.providers import ModelFactory, ProviderError, credential_for
from agents_worker.publisher import EventPublisher
from agents_worker.room import AGENT_STATE_ATTRIBUTE, is_atlas, is_caller, left_for_good
from agents_worker.usage import merged

logger = logging.getLogger(__name__)

DEFAULT_RINGBACK = "eu"
# ringing that nobody ends is worse than silence
LONGEST_RINGING = 90.0
# nobody waits for what is written down here, and each frame costs its way through the event loop
_FRAME_MS = 100
# the Call Service asks another Media Bot where it hears nothing for three of these
BEAT_SECONDS = 5.0
_OFF = frozenset({"", "off", "none"})
_HEARD = frozenset({"listening", "thinking", "speaking"})


class MediaBotCall:
    """Nothing here may take the call down: what fails is told, and the rest goes on."""

    def __init__(self, ctx: JobContext, dispatch: Dispatch, detector: vad.VAD) -> None:
        self._ctx = ctx
        self._room = ctx.room
        self._dispatch = dispatch
        self._detector = detector
        self._api = CallApi(dispatch)
        self._events = EventPublisher(  # its own heart would beat on beside work that hangs
            self._api.events_send, source="media-bot", attempt=dispatch.attempt, heartbeat=False
        )
        self._config: AgentConfig | None = None
        self._factory: ModelFactory | None = None
        self._sentiment: Sentiment | None = None
        self._ringback: Ringback | None = None
        self._recorder: Recorder | None = None
        self._recorded: set[str] = set()
        self._transcribers: dict[str, Transcriber] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Join and go to work; the job then lasts until the caller has gone."""
        self._events.start()
        self._room.on("track_subscribed", self._on_track)
        self._room.on("participant_attributes_changed", self._on_attributes)
        self._room.on("participant_disconnected", self._on_left)
        configuring = asyncio.create_task(self._configure())
        await self._ctx.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
        room_alone(self._room)
        self._events.publish(StateEvent(state="joined"))
        self._events.publish(HeartbeatEvent())
        if "ringback" not in self._dispatch.model_fields_set:
            await configuring
        await self._ring()
        await configuring
        for participant in self._room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.track is not None:
                    self._on_track(publication.track, publication, participant)
        self._background(self._beat())

    async def settle(self) -> None:
        """After the call: the last events, and every connection closed."""
        for task in self._tasks:
            task.cancel()
        if self._recorder is not None:
            await self._recorder.aclose()
        self._usage()  # no "closed": from Media Bot that word means an announcement was spoken
        await self._events.aclose()
        await self._api.aclose()
        if self._factory is not None:
            await self._factory.aclose()

    async def _configure(self) -> None:
        try:
            config = await self._api.agent_config()
        except (ApiRefused, ApiUnavailable) as error:
            self._tell("no_config", str(error))
            return
        self._factory = ModelFactory(config)
        self._sentiment = sentiment_for(config, self._factory)
        if config.media_bot.record:
            self._recorder = Recorder(self._api.recording_send, run=self._dispatch.attempt, tell=self._not_recorded)
        self._config = config

    async def _beat(self) -> None:
        """Tells that it is at work; whoever hangs on the way there tells it once, and no more."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self._events.publish(HeartbeatEvent())

    # --- ringback -----------------------------------------------------------------------

    def _country(self) -> str | None:
        """The dispatch's choice, made for the number; else the agent's."""
        if "ringback" in self._dispatch.model_fields_set:
            choice = self._dispatch.ringback
        elif self._config is not None:
            choice = self._config.media_bot.ringback
        else:
            choice = DEFAULT_RINGBACK
        return None if choice is None or choice.lower() in _OFF else choice

    async def _ring(self) -> None:
        country = self._country()
        if country is None or self._agent_speaks() or self._comes_later():
            return
        ringback = Ringback(self._room, tones.cycle(tones.ringback_tone(country)), rate=tones.RATE)
        self._ringback = ringback
        await ringback.start()
        self._events.publish(StateEvent(state="ringback_started", detail=country))
        if self._agent_speaks():  # it began while the track was being published
            await self._silence()
        else:
            self._background(self._silence_after(LONGEST_RINGING))

    def _comes_later(self) -> bool:
        """Whether this is the successor of one that rang before Atlas was heard."""
        atlas = (p for p in self._room.remote_participants.values() if is_atlas(p))
        return self._dispatch.attempt > 1 and any(p.attributes.get(AGENT_STATE_ATTRIBUTE) in _HEARD for p in atlas)

    def _agent_speaks(self) -> bool:
        return any(_is_speaking_agent(p) for p in self._room.remote_participants.values())

    async def _silence_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._silence()

    async def _silence(self) -> None:
        if self._ringback is not None and await self._ringback.stop():
            self._events.publish(StateEvent(state="ringback_stopped"))

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if _is_speaking_agent(participant):
            self._background(self._silence())

    # --- both sides ---------------------------------------------------------------------

    def _on_track(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        speaker = _speaker(participant, publication)
        if speaker is None or self._config is None:
            return
        if self._recorder is not None and publication.sid not in self._recorded:
            self._recorded.add(publication.sid)
            self._recorder.listen(speaker, track)
        if publication.sid in self._transcribers:
            return
        if not self._config.media_bot.transcribe:
            return
        try:
            transcriber = self._transcriber(speaker, track, self._config)
        except ProviderError as error:
            self._tell("no_transcription", str(error))
            return
        self._transcribers[publication.sid] = transcriber
        self._background(self._follow(transcriber))

    def _transcriber(self, speaker: Speaker, track: rtc.Track, config: AgentConfig) -> Transcriber:
        assert self._factory is not None
        frames = _frames(track)
        credential = credential_for(config, config.stt.provider)
        if config.stt.provider == "deepgram":
            return DeepgramTranscriber(speaker, frames, credential, config)
        caller = speaker == "caller"
        utterances = by_voice(frames, self._detector) if caller else by_level(frames)
        client = self._factory.openai(credential)
        return UtteranceTranscriber(speaker, utterances, client, config)

    async def _follow(self, transcriber: Transcriber) -> None:
        async for heard in transcriber.heard():
            assert self._config is not None
            self._events.publish(
                TranscriptEvent(
                    speaker=heard.speaker,
                    text=heard.text,
                    started_at=heard.started_at,
                    ended_at=heard.ended_at,
                    language=self._config.language,
                )
            )
            self._usage()
            if heard.speaker == "caller" and self._sentiment is not None:
                self._background(self._feel(heard, self._sentiment))

    async def _feel(self, heard: Heard, sentiment: Sentiment) -> None:
        score = await sentiment.score(heard.text)
        if score is not None:
            self._events.publish(sentiment_event(heard.text, score))

    def _usage(self) -> None:
        heard = [t.usage() for t in self._transcribers.values() if t.usage().audio_duration]
        rows = merged([*heard, self._sentiment.usage() if self._sentiment else None])
        if rows:
            self._events.publish(UsageEvent(usage=rows))

    # --- the end ------------------------------------------------------------------------

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if is_caller(participant) and left_for_good(participant):
            self._ctx.shutdown("caller left")

    def _not_recorded(self, reason: str) -> None:
        self._tell("not_recorded", f"The call is not recorded any further: {reason}")

    def _tell(self, code: str, message: str) -> None:
        logger.error("media bot of call %s: %s", self._dispatch.call_id, message)
        self._events.publish(ErrorEvent(code=code, message=message, recoverable=True))

    def _background(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._on_background_done)

    def _on_background_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a part of media bot stopped", exc_info=error)
            self._tell(type(error).__name__, str(error))


def _is_speaking_agent(participant: rtc.Participant) -> bool:
    agent = participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    return agent and participant.attributes.get(AGENT_STATE_ATTRIBUTE) == "speaking"


def _speaker(participant: rtc.RemoteParticipant, publication: rtc.RemoteTrackPublication) -> Speaker | None:
    """Whose voice a track carries; None for tones and for other bots."""
    if publication.kind != rtc.TrackKind.KIND_AUDIO:
        return None
    if publication.source != rtc.TrackSource.SOURCE_MICROPHONE:
        return None
    if is_caller(participant):
        return "caller"
    return "agent" if is_atlas(participant) else None


async def _frames(track: rtc.Track) -> AsyncIterator[rtc.AudioFrame]:
    stream = sound_of(track, rate=RATE, frame_ms=_FRAME_MS)
    try:
        async for event in stream:
            yield event.frame
    finally:
        await stream.aclose()
