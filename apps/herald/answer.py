"""Asking an agent's language model, and its fallbacks when it keeps the contact waiting or fails."""

import asyncio
import inspect
import json
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx2
import openai
import structlog
from openai.resources.chat.completions import AsyncCompletions
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta, ChoiceDeltaToolCall

from apps.core.errors import MeridianError
from apps.herald.client import client_for, in_background
from apps.herald.streaming import chunks_of
from apps.herald.usage import Meter

log = structlog.get_logger(__name__)

LAST_CHANCE = 2  # deadlines that the last model gets for its first token
STALL_SECONDS = 20.0  # between two pieces of an answer
RETRY_PAUSE = 0.3  # seconds before the same model is asked again after an error
OURS = {"self", "model", "messages", "stream", "stream_options", "tools", "tool_choice", "n", "timeout"}
FAILURES = (openai.OpenAIError, httpx2.HTTPError, json.JSONDecodeError, UnicodeDecodeError, TimeoutError)
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
Messages = list[dict[str, Any]]


class ModelSilent(MeridianError):
    """No model gave an answer in the time there was."""


class TurnStopped(MeridianError):
    """The worker is being stopped, or the turn was given up elsewhere."""


@dataclass
class ToolRequest:
    """A tool that the model wants to be run; `arguments` is the JSON text that it wrote."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class Reply:
    """What a model answered: text, tools to run, or both."""

    text: str = ""
    calls: list[ToolRequest] = field(default_factory=list)


@dataclass(frozen=True)
class Model:
    """A model of the agent's configuration and the account to use it with."""

    provider: str
    name: str
    params: dict[str, Any]
    client: openai.AsyncOpenAI


class Chain:
    """An agent's model and its fallbacks, for one turn. `ends_at` is the turn's end by the monotonic clock."""

    def __init__(self, config: dict[str, Any], meter: Meter, ends_at: float) -> None:
        self._models = models_of(config)
        self._deadline = float(config["limits"]["first_token_seconds"])
        self._meter, self._ends_at = meter, ends_at

    def begin(self, messages: Messages, tools: Sequence[dict[str, Any]] = (), **params: Any) -> "Future[Reply]":
        """Starts asking. The future raises ModelSilent; `finish` waits for it."""
        return in_background(self._answer(messages, {**_offered(tools), **params}))

    def ask(self, messages: Messages, tools: Sequence[dict[str, Any]] = (), **params: Any) -> Reply:
        """The first usable answer. Raises ModelSilent, TurnStopped."""
        return finish(self.begin(messages, tools, **params))

    async def _answer(self, messages: Messages, params: dict[str, Any]) -> Reply:
        """A model that failed is asked last from here on, so that a turn pays for it once."""
        # a lone model is asked a second time: a fresh request often answers where one hangs
        candidates = self._models if len(self._models) > 1 else self._models * 2
        for index, model in enumerate(candidates):
            patience = self._deadline * (LAST_CHANCE if index == len(candidates) - 1 else 1)
            try:
                reply = await self._one(model, messages, params, patience)
            except FAILURES as error:
                log.warning("model_failed", model=model.name, error=_named(error))
                if len(self._models) == 1 and _hopeless(error):
                    break
                await asyncio.sleep(0 if isinstance(error, TimeoutError) else RETRY_PAUSE * (len(self._models) == 1))
                continue
            if reply.text.strip() or reply.calls:
                self._models = [model, *(other for other in self._models if other is not model)]
                return reply
            log.warning("model_empty", model=model.name)
        raise ModelSilent(f"No language model answered: {', '.join(model.name for model in self._models)}.")

    async def _one(self, model: Model, messages: Messages, params: dict[str, Any], patience: float) -> Reply:
        """One model's whole answer. Raises TimeoutError when its first token, or the next one, takes too long."""
        reply = _Collected()
        async with asyncio.timeout_at(min(time.monotonic() + patience, self._ends_at)) as limit:
            request: dict[str, Any] = {"model": model.name, "messages": messages, **model.params, **params, **STREAMED}
            async with aclosing(chunks_of(model.client, request)) as pieces:
                async for chunk in pieces:
                    reply.add(chunk)
                    if reply.started:
                        self._heard(chunk)
                        limit.reschedule(min(time.monotonic() + STALL_SECONDS, self._ends_at))
                    if chunk.usage is not None:
                        self._meter.add(model.provider, model.name, chunk.usage)
        return reply.whole()

    def _heard(self, chunk: ChatCompletionChunk) -> None:
        """Called with every piece once an answer has begun, on the models' loop; who measures does it here."""


class _Collected:
    """The pieces of a streamed answer, put together."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: list[ToolRequest] = []
        self._places: dict[int | None, ToolRequest] = {}

    @property
    def started(self) -> bool:
        return bool(self._text or self._calls)

    def add(self, chunk: ChatCompletionChunk) -> None:
        for choice in chunk.choices or ():
            if choice.delta is not None:  # some servers close with a choice without one
                self._delta(choice.delta)

    def _delta(self, delta: ChoiceDelta) -> None:
        if said := delta.content or delta.refusal:
            self._text.append(said)
        for call in delta.tool_calls or ():
            self._call(call)

    def _call(self, piece: ChoiceDeltaToolCall) -> None:
        """Pieces belong together by index; some servers count all as 0 and differ in the id only."""
        known = self._places.get(piece.index)
        if known is None or (piece.id and known.id and piece.id != known.id):
            known = self._places[piece.index] = ToolRequest()
            self._calls.append(known)
        known.id = known.id or piece.id or ""
        if piece.function is not None:
            known.name += piece.function.name or ""
            known.arguments += piece.function.arguments or ""

    def whole(self) -> Reply:
        for number, call in enumerate(self._calls):
            call.id = call.id or f"call_{number}"
        return Reply("".join(self._text).strip(), self._calls)


def finish(future: "Future[Reply]") -> Reply:
    """Waits for what `Chain.begin` started. Raises ModelSilent, TurnStopped."""
    try:
        return future.result()
    except CancelledError as error:
        raise TurnStopped("The worker is being stopped.") from error


def models_of(config: dict[str, Any]) -> list[Model]:
    """The agent's model first, then its fallbacks."""
    specs = [config["llm"], *config["llm"]["fallbacks"]]
    return [_model(spec, config["credentials"][spec["provider"]]) for spec in specs]


def _model(spec: dict[str, Any], credential: dict[str, Any]) -> Model:
    """Options are those of Atlas's plugin; the ones that a request does not have are its own business."""
    options = {name: value for name, value in spec["options"].items() if name in _request_options()}
    params = {"temperature": spec["temperature"], **options}
    return Model(spec["provider"], spec["model"], params, client_for(credential["api_key"], credential["base_url"]))


@cache
def _request_options() -> frozenset[str]:
    return frozenset(inspect.signature(AsyncCompletions.create).parameters) - OURS


def _offered(tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"tools": list(tools)} if tools else {}


def _hopeless(error: Exception) -> bool:
    """The request itself was refused: the same model would say the same again."""
    return (
        isinstance(error, openai.APIStatusError) and 400 <= error.status_code < 500 and error.status_code not in (408, 409, 429)
    )


def _named(error: Exception) -> str:
    """The kind of error alone: its text may quote what the contact wrote."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__} {status}" if status else type(error).__name__
