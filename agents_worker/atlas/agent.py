"""The agent of a livekit-agents session, with its own way of asking language models."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from typing import Any

from livekit import rtc
from livekit.agents import (
    Agent,
    APIConnectOptions,
    FlushSentinel,
    ModelSettings,
    NotGivenOr,
    llm,
    stt,
)
from livekit.agents.types import NOT_GIVEN

from agents_worker.atlas.answer import Candidate, Filler, ModelSilent, answer
from agents_worker.atlas.knowledge import Knowledge
from agents_worker.atlas.pauses import Pauses
from agents_worker.contracts import AgentConfig
from agents_worker.phrases import phrase

logger = logging.getLogger(__name__)

# the deadline below replaces the plugin's own retries
_CHAT_OPTIONS = APIConnectOptions(max_retry=0, timeout=60.0)


class AtlasAgent(Agent):
    def __init__(
        self,
        config: AgentConfig,
        *,
        llms: list[llm.LLM],
        tools: list[llm.Tool | llm.Toolset],
        chat_ctx: NotGivenOr[llm.ChatContext] = NOT_GIVEN,
        on_silent: Callable[[], None],
        knowledge: Knowledge | None = None,
    ) -> None:
        super().__init__(
            instructions=config.prompt.system or f"You are {config.name}.",
            tools=tools,
            chat_ctx=chat_ctx,
            id=config.slug or None,
        )
        self._config = config
        self._llms = llms
        self._on_silent = on_silent
        self._knowledge = knowledge
        self._pauses = Pauses(config.turn_taking, self._pauses_are)

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncGenerator[stt.SpeechEvent, None]:
        async for event in Agent.default.stt_node(self, audio, model_settings):
            self._pauses.follow(event)
            yield event

    def _pauses_are(self, shortest: float, longest: float) -> None:
        self.session.update_options(endpointing_opts={"min_delay": shortest, "max_delay": longest})

    def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncIterable[llm.ChatChunk | str | FlushSentinel]:
        return self._answer(chat_ctx, tools, model_settings)

    async def _answer(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        if self._knowledge is not None:
            chat_ctx = await self._knowledge.put(chat_ctx)
        # a lone model is asked a second time: a fresh request often answers where one hangs
        models = self._llms if len(self._llms) > 1 else self._llms * 2
        candidates = [_candidate(model, chat_ctx, tools, settings) for model in models]
        deadline = self._config.limits.first_token_seconds
        try:
            async for chunk in answer(candidates, deadline=deadline):
                if isinstance(chunk, Filler):
                    yield f"{phrase('filler', self._config.language)} "
                    yield FlushSentinel()
                else:
                    yield chunk
        except ModelSilent as error:
            logger.error("no language model answered: %s", error)
            self._on_silent()


def _candidate(
    model: llm.LLM, chat_ctx: llm.ChatContext, tools: list[llm.Tool], settings: ModelSettings
) -> Candidate[llm.ChatChunk]:
    async def ask() -> AsyncGenerator[llm.ChatChunk, None]:
        kwargs: dict[str, Any] = {"tool_choice": settings.tool_choice} if settings else {}
        async with model.chat(chat_ctx=chat_ctx, tools=tools, conn_options=_CHAT_OPTIONS, **kwargs) as stream:
            async for chunk in stream:
                if _says_something(chunk):
                    yield chunk

    return Candidate(name=model.model, open=ask)


def _says_something(chunk: llm.ChatChunk) -> bool:
    """False for the opening chunk that only names a role, and for the closing count of tokens."""
    delta = chunk.delta
    return delta is not None and bool(delta.content or delta.tool_calls or delta.extra)
