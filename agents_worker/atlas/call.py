"""One call held by Atlas, from joining the room to the billing report."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, AutoSubscribe, CloseEvent, CloseReason, JobContext, vad
from livekit.agents.types import NOT_GIVEN

from agents_worker.atlas.agent import AtlasAgent
from agents_worker.atlas.greeting import Greeting
from agents_worker.atlas.knowledge import Knowledge
from agents_worker.atlas.reporting import Reporter
from agents_worker.atlas.resume import chat_from
from agents_worker.atlas.session import room_options, session_build
from agents_worker.atlas.tools import compass_tools, end_call_tool
from agents_worker.backend import ApiRefused, ApiUnavailable, CallApi
from agents_worker.contracts import (
    AgentConfig,
    BillingReport,
    Dispatch,
    EndedReason,
    ErrorEvent,
    StateEvent,
    Transcript,
    utc_now,
)
from agents_worker.phrases import Phrase, phrase
from agents_worker.providers import ModelFactory, Models, ProviderError
from agents_worker.publisher import EventPublisher
from agents_worker.room import caller_wait, left_for_good, picked_up
from agents_worker.usage import UsageMeter, merged

logger = logging.getLogger(__name__)

CALLER_WAIT_SECONDS = 30.0
CALLER_RETURN_SECONDS = 15.0
LAST_WORDS_SECONDS = 12.0
ROOM_OVER = (rtc.DisconnectReason.ROOM_DELETED, rtc.DisconnectReason.ROOM_CLOSED)


class AtlasCall:
    def __init__(self, ctx: JobContext, dispatch: Dispatch, detector: vad.VAD) -> None:
        self._ctx = ctx
        self._dispatch = dispatch
        self._detector = detector
        self._api = CallApi(dispatch)
        self._events = EventPublisher(self._api.events_send, source="atlas", attempt=dispatch.attempt)
        self._usage = UsageMeter()
        self._earlier = Transcript(call_id=dispatch.call_id)
        self._started_at: datetime = utc_now()
        self._ended: EndedReason | None = None
        self._caller: rtc.RemoteParticipant | None = None
        self._factory: ModelFactory | None = None
        self._greeting: Greeting | None = None
        self._session: AgentSession[Any] | None = None
        self._reporter: Reporter | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Join the room and begin to talk; the call then runs until `finish`."""
        self._events.start()
        self._ctx.room.on("participant_disconnected", self._on_participant_left)
        self._ctx.room.on("disconnected", self._on_disconnected)
        preparing = asyncio.create_task(self._prepare())
        try:
            await self._ctx.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
            self._events.publish(StateEvent(state="joined"))
            config, models = await preparing
            self._caller = await caller_wait(self._ctx.room, CALLER_WAIT_SECONDS)
            await self._begin(config, models)
        except (ApiRefused, ApiUnavailable, ProviderError) as error:
            self._fail(type(error).__name__, str(error))
        except TimeoutError:
            self._fail("no_caller", "The caller was not in the room.")
        finally:
            preparing.cancel()

    def finish(self, reason: EndedReason) -> None:
        """End the call, once; the first reason given stands."""
        if self._ended is None:
            self._ended = reason
            self._ctx.shutdown(reason)

    async def settle(self) -> None:
        """After the session: the last events, the bill, and every connection closed.

        Without an end of the call this run was replaced or its worker stopped: the call goes on without it, and its
        successor (or the Call Service) bills the whole.
        """
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        if self._greeting is not None:
            self._greeting.cancel()
        if self._reporter is not None:
            self._reporter.usage_report()
        if self._ended is not None:
            self._events.publish(StateEvent(state="closed", detail=self._ended))
        delivered = asyncio.create_task(self._events.aclose())
        if self._session is not None and self._ended is not None:
            await self._api.bill(self._report())
        await delivered
        await self._api.aclose()
        if self._factory is not None:
            await self._factory.aclose()

    async def _prepare(self) -> tuple[AgentConfig, Models]:
        """Everything that can be had before the room is joined."""
        if self._dispatch.attempt > 1:
            config, self._earlier = await asyncio.gather(self._api.agent_config(), self._api.transcript())
            self._started_at = self._earlier.started_at or self._started_at
        else:
            config = await self._api.agent_config()
        self._factory = ModelFactory(config)
        models = self._factory.models(self._detector)
        for model in (models.stt, models.tts, *models.llms):
            self._usage.watch(model)
        if text := self._first_words(config):
            self._greeting = Greeting(models.tts, text)
        return config, models

    def _first_words(self, config: AgentConfig) -> str:
        if self._dispatch.attempt > 1:
            return phrase("recovered", config.language)
        return config.prompt.greeting

    async def _begin(self, config: AgentConfig, models: Models) -> None:
        assert self._caller is not None
        reporter = Reporter(self._events.publish, self._usage, language=config.language)
        session = session_build(config, models, self._detector, self._caller)
        reporter.attach(session)
        session.on("close", self._on_session_close)
        self._reporter, self._session = reporter, session
        agent = AtlasAgent(
            config,
            llms=models.llms,
            tools=[
                *compass_tools(config.tools, self._api, self._events.publish),
                end_call_tool(lambda: self.finish("agent_hangup"), lambda: reporter.spoke_this_turn),
            ],
            chat_ctx=chat_from(self._earlier),
            on_silent=lambda: self._say_last(config, "apology", "error"),
            knowledge=Knowledge(config.knowledge, self._api, self._events.publish),
        )
        await session.start(
            agent,
            room=self._ctx.room,
            room_options=room_options(self._caller),
            session_host=False,  # it would send the whole session to the caller as data
            record=False,
        )
        self._limit_duration(config)
        await self._greet(session)

    async def _greet(self, session: AgentSession[Any]) -> None:
        if self._caller is not None:
            await picked_up(self._ctx.room, self._caller)
        if self._greeting is None:
            session.generate_reply()
            return
        audio = await self._greeting.audio()
        if self._ended is None:
            session.say(self._greeting.text, audio=audio or NOT_GIVEN)

    def _limit_duration(self, config: AgentConfig) -> None:
        spent = (utc_now() - self._started_at).total_seconds()
        left = max(0.0, config.limits.max_call_seconds - spent)
        self._timer = asyncio.get_running_loop().call_later(left, self._say_last, config, "time_up", "max_duration")

    def _say_last(self, config: AgentConfig, name: Phrase, reason: EndedReason) -> None:
        self._background(self._last_words(phrase(name, config.language), reason))

    async def _last_words(self, text: str, reason: EndedReason) -> None:
        """Say one more sentence, whatever is being said, and end the call."""
        session = self._session
        if session is None or self._ended is not None:
            return
        try:
            await session.interrupt(force=True)
            speech = session.say(text, allow_interruptions=False)
            await asyncio.wait_for(speech.wait_for_playout(), LAST_WORDS_SECONDS)
        except (TimeoutError, RuntimeError) as error:  # RuntimeError: the session closed meanwhile
            logger.warning("the last words were not heard: %s", error)
        self.finish(reason)

    def _fail(self, code: str, message: str) -> None:
        logger.error("call %s cannot be held: %s", self._dispatch.call_id, message)
        self._events.publish(ErrorEvent(code=code, message=message, recoverable=False))
        self.finish("error")

    def _report(self) -> BillingReport:
        ended_at = utc_now()
        sip = rtc.ParticipantKind.PARTICIPANT_KIND_SIP
        return BillingReport(
            call_id=self._dispatch.call_id,
            agent_id=self._dispatch.agent_id or "",
            channel="sip" if self._caller is not None and self._caller.kind == sip else "webrtc",
            started_at=self._started_at,
            ended_at=ended_at,
            duration=round((ended_at - self._started_at).total_seconds(), 3),
            ended_reason=self._ended or "error",
            transcript_ref=f"/calls/{self._dispatch.call_id}/transcript",
            usage=merged([*self._earlier.usage, *self._usage.rows()]),
        )

    def _on_participant_left(self, participant: rtc.RemoteParticipant) -> None:
        if self._caller is None or participant.identity != self._caller.identity:
            return
        if left_for_good(participant):
            self.finish("caller_hangup")
        else:
            self._background(self._await_return(participant.identity))

    async def _await_return(self, identity: str) -> None:
        """A caller whose network went may come back under the same identity."""
        await asyncio.sleep(CALLER_RETURN_SECONDS)
        if identity not in self._ctx.room.remote_participants:
            self.finish("caller_hangup")

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        if self._ended is None and reason in ROOM_OVER:  # the Call Service deletes the room when the caller has gone
            self._ended = "caller_hangup"

    def _on_session_close(self, event: CloseEvent) -> None:
        if event.reason == CloseReason.ERROR:
            self.finish("error")

    def _background(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
