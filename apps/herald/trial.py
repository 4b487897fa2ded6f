"""Herald on trial: the same prompt, tools, handoff and fallbacks as in a conversation, with nobody on the other side."""

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

import openai
from django.utils.translation import gettext as _
from openai.types.chat import ChatCompletionChunk

from apps.compass.chat import ANSWER_SECONDS, Asked, ChatTurn, HandedOver, Said, ToolUse
from apps.compass.listening import Listener
from apps.compass.models import AgentVersion
from apps.compass.registry import ToolContext
from apps.compass.selectors import AgentUnavailable, agent_config
from apps.core.ids import uuid7
from apps.core.schema import schema_current
from apps.herald.answer import FAILURES, Chain, Messages, Model, ModelSilent, Reply, ToolRequest, TurnStopped
from apps.herald.handoff import phrase_in
from apps.herald.payloads import HistoryItem, TurnMessage, TurnRequest
from apps.herald.rendering import own_words
from apps.herald.services import TurnRun, _arguments, _handed_to
from apps.herald.texts import messages_of
from apps.herald.usage import Meter

CHANNEL = "whatsapp"  # what Herald speaks on; the prompt says so


class HeraldChat:
    """`apps.compass.chat.Chat`, done by Herald."""

    def turn(
        self,
        *,
        version: AgentVersion,
        history: Sequence[Said],
        text: str,
        tool_answers: Mapping[str, Any] | None = None,
        seconds: float = ANSWER_SECONDS,
        listener: Listener | None = None,
    ) -> ChatTurn:
        """See Chat.turn. Raises TurnStopped when this process is being stopped."""
        started = time.monotonic()
        try:
            config = agent_config(version, subject="turn")
        except AgentUnavailable as error:
            return ChatTurn([], error=error.message)
        run = TrialRun(_turn(version, history, text), dict(tool_answers or {}), listener or Listener())
        return run.told(version, config, started + seconds)

    def ask(
        self, *, version: AgentVersion, messages: list[dict[str, Any]], model: str = "", seconds: float = ANSWER_SECONDS
    ) -> Asked:
        """See Chat.ask. Raises TurnStopped when this process is being stopped."""
        started, meter = time.monotonic(), Meter()
        try:
            config = agent_config(version, subject="turn")
            chain = TrialChain(_with_model(config, model), meter, started + seconds, Listener())
            reply = chain.ask(messages, temperature=0)
        except AgentUnavailable as error:
            return Asked(error=error.message)
        except ModelSilent:
            return Asked("", time.monotonic() - started, meter.rows(), chain.why)
        return Asked(reply.text, time.monotonic() - started, meter.rows())


class TrialChain(Chain):
    """Keeps what was sent, when the first word came, and why a model failed."""

    def __init__(self, config: dict[str, Any], meter: Meter, ends_at: float, listener: Listener) -> None:
        super().__init__(config, meter, ends_at)
        self._listener = listener
        self.pieces: list[str] = []  # of the answer that is being written
        self.prompts: list[Messages] = []
        self.offered: list[dict[str, Any]] = []
        self.model = ""
        self.first_token: float | None = None
        self.troubles: list[str] = []
        self._began = time.monotonic()

    @property
    def why(self) -> str:
        """Why nothing was answered, in a sentence."""
        return self.troubles[-1] if self.troubles else _("The language model answered with nothing at all.")

    def begin(self, messages: Messages, tools: Sequence[dict[str, Any]] = (), **params: Any) -> "Future[Reply]":
        """See Chain.begin; who listens can cancel it."""
        self.pieces = []
        asked = super().begin(messages, tools, **params)
        self._listener.under_way(asked.cancel)
        return asked

    async def _one(self, model: Model, messages: Messages, params: dict[str, Any], patience: float) -> Reply:
        if self.pieces:
            self._listener.tell("again")
        self.pieces = []
        self.prompts.append(list(messages))
        self.offered = [tool["function"] for tool in params.get("tools", ())]
        try:
            reply = await super()._one(model, messages, params, patience)
        except FAILURES as error:
            self.troubles.append(failure_words(error, model.name))
            raise
        self.model = model.name
        return reply

    def _heard(self, chunk: ChatCompletionChunk) -> None:
        if self.first_token is None:
            self.first_token = time.monotonic() - self._began
        said = "".join((choice.delta.content or choice.delta.refusal or "") for choice in chunk.choices or () if choice.delta)
        if said:
            self.pieces.append(said)
            self._listener.tell("text", text=said, first=_rounded(self.first_token))


class _Nobody:
    """Takes what a contact would have got."""

    def typing(self) -> None:
        """Nobody sees it."""

    def message(self, text: str, sources: Sequence[dict[str, Any]] = ()) -> None:
        """The run keeps what it said by itself."""


class TrialRun(TurnRun):
    """A turn whose tools are noted, or answered from a list and not run at all."""

    def __init__(self, turn: TurnRequest, tool_answers: dict[str, Any], listener: Listener) -> None:
        super().__init__(turn, _Nobody())  # type: ignore[arg-type]
        self._answers, self.tools, self._listener = tool_answers, list[ToolUse](), listener

    def told(self, version: AgentVersion, config: dict[str, Any], ends_at: float) -> ChatTurn:
        """The whole answer, or why there is none."""
        started = time.monotonic()
        phrase = phrase_in(map(own_words, self.turn.messages), config["handoff"]["phrases"])
        if phrase is not None:
            reason = _("The contact asked for a person (“%(phrase)s”), so no model was asked.") % {"phrase": phrase}
            return ChatTurn([], handoff=HandedOver(config["handoff"]["team"], reason))
        self._chain = chain = TrialChain(config, self.meter, ends_at, self._listener)
        handed, error, stopped = None, "", False
        try:
            handed = self._talk(chain, version, config)
        except ModelSilent as silence:
            error = chain.why if not self.tools else str(silence)
        except TurnStopped:
            if not self._listener.stopped:
                raise
            stopped = True
            self.said += messages_of("".join(chain.pieces))
        return ChatTurn(
            self.said,
            self.tools,
            _handover(handed, config),
            chain.prompts[-1] if chain.prompts else [],
            chain.offered,
            chain.model,
            _rounded(chain.first_token),
            round(time.monotonic() - started, 3),
            self.meter.rows(),
            chain.troubles,
            error,
            stopped,
        )

    def _say(self, text: str) -> None:
        super()._say(text)
        self._chain.pieces = []

    def _tool(self, call: ToolRequest, version: AgentVersion) -> dict[str, Any]:
        if self._listener.stopped:
            raise TurnStopped("Whoever listened had enough.")
        started, canned = time.monotonic(), call.name in self._answers
        self._listener.tell("tool", name=call.name, arguments=_arguments(call))
        message = self._canned(call) if canned else super()._tool(call, version)
        ok, result = _outcome(message["content"])
        seconds = round(time.monotonic() - started, 3)
        self.tools.append(ToolUse(call.name, _arguments(call), ok, result, seconds, canned))
        self._listener.tell("tool_done", **asdict(self.tools[-1]))
        return message

    def _canned(self, call: ToolRequest) -> dict[str, Any]:
        content = json.dumps({"ok": True, "result": self._answers[call.name]}, ensure_ascii=False)
        return {"role": "tool", "tool_call_id": call.id, "content": content}

    def _context(self) -> ToolContext:
        return ToolContext(schema_current(), str(self.turn.agent_id), "trial", str(self.turn.turn_id))


def failure_words(error: Exception, model: str) -> str:
    """What went wrong with a model and what to do, in a sentence; the provider's own words are left out."""
    values = {"model": model, "status": getattr(error, "status_code", "")}
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return _("The provider refused the API key for %(model)s. Check it under Providers.") % values
    if isinstance(error, openai.NotFoundError):
        return _("The provider has no model named %(model)s. Choose another one under Model.") % values
    if isinstance(error, openai.RateLimitError):
        return _("%(model)s is over its limit of requests or its account has no credit left. Try again in a minute.") % values
    if isinstance(error, openai.APIStatusError) and error.status_code < 500:
        return _("%(model)s refused the request (%(status)s). Check the options under Model.") % values
    if isinstance(error, openai.APIStatusError):
        return _("The provider of %(model)s has a fault (%(status)s). Try again in a minute.") % values
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return _("%(model)s gave no word in the time that it has. Allow more under Limits, or choose a quicker model.") % values
    if isinstance(error, openai.APIConnectionError):
        return _("The provider of %(model)s cannot be reached, or broke off. Check its address under Providers.") % values
    return _("The connection to %(model)s broke off in the middle of its answer. Try again.") % values


def _turn(version: AgentVersion, history: Sequence[Said], text: str) -> TurnRequest:
    return TurnRequest(
        turn_id=uuid7(),
        conversation_id=uuid7(),
        agent_id=version.agent_id,
        channel=CHANNEL,
        messages=[TurnMessage(id="trial", text=text)],
        history=[HistoryItem(role=said.role, text=said.text) for said in history],
        reply_url="",
    )


def _with_model(config: dict[str, Any], model: str) -> dict[str, Any]:
    """The same account with another model, and no options that were meant for the first."""
    own = config["llm"]
    llm = {**own, "fallbacks": []} if model in ("", own["model"]) else {**own, "model": model, "options": {}, "fallbacks": []}
    return {**config, "llm": llm}


def _handover(handed: dict[str, Any] | None, config: dict[str, Any]) -> HandedOver | None:
    if handed is None:
        return None
    team, reason = _handed_to(handed, config)
    return HandedOver(team, reason or "")


def _outcome(content: str) -> tuple[bool, Any]:
    """Whether a tool did it, and its result or error; a result that was cut is shown as the text it is."""
    try:
        answer = json.loads(content)
    except ValueError:
        return True, content
    return bool(answer["ok"]), answer.get("result") if answer["ok"] else answer.get("error")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
