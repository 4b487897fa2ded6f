"""A turn: taken once, then answered by the agent's model, its tools, or a person."""

import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog
from django.core.cache import cache
from django.db import close_old_connections
from kombu.exceptions import OperationalError
from pydantic import ValidationError
from redis.exceptions import RedisError

from apps.compass.models import AgentVersion
from apps.compass.registry import ToolContext, ToolFailed
from apps.compass.selectors import agent_config, agent_for_call
from apps.compass.tools import UnknownTool, tool_run
from apps.core.errors import MeridianError, PermanentError, TransientError
from apps.core.schema import schema_current
from apps.desktop.selectors.people import team_names
from apps.herald.answer import Chain, ModelSilent, Reply, ToolRequest, TurnStopped, finish
from apps.herald.conversation import prompt_of
from apps.herald.handoff import HANDOFF, handoff_tool, phrase_in
from apps.herald.knowledge import Sources, passages_put, sources_looked_up
from apps.herald.payloads import TurnRequest
from apps.herald.rendering import own_words
from apps.herald.replies import Replies, RepliesHere, ReplyLost, TurnStale
from apps.herald.stopping import is_stopping
from apps.herald.summary import summary_of, summary_plain
from apps.herald.texts import messages_of
from apps.herald.usage import Meter
from apps.herald.variables import turn_variables

log = structlog.get_logger(__name__)

KNOWN_SECONDS = 3600  # how long the same turn_id is known again
ANSWER_SECONDS = 75.0  # for the models and tools of a turn together
TURN_SECONDS = 110.0  # for everything: the channel gives a turn up after 120
TOOL_ROUNDS = 5
RESULT_CHARACTERS = 16_000
SUMMARY_CHARACTERS = 1_000


class NotQueued(TransientError):
    """The queue could not be reached; the same turn may be sent again."""


@dataclass
class Ending:
    """The fields of `done`."""

    escalate: bool = False
    team: str | None = None
    reason: str | None = None
    summary: str = ""
    usage: list[dict[str, Any]] = field(default_factory=list)


def turn_hand_over(body: dict[str, Any]) -> None:
    """POST /turn for a channel of this installation, in the current tenant; the answer comes as calls. Raises NotQueued.

    Raises PermanentError where the body is not one of POST /turn.
    """
    try:
        turn = TurnRequest.model_validate(body)
    except ValidationError as error:
        raise PermanentError(f"The turn cannot be answered: {error.error_count()} of its fields are not right.") from error
    turn_accept(turn=turn, token="")


def turn_accept(*, turn: TurnRequest, token: str) -> bool:
    """Queues a turn of the current tenant; false when it was queued within the last hour. Raises NotQueued.

    Without a token it came from this installation, and its events go there without one.
    """
    from apps.herald.tasks import herald_turn_task

    key = f"herald.turn:{turn.turn_id}"  # the cache puts the tenant in front
    try:
        if not cache.add(key, 1, KNOWN_SECONDS):
            return False
        herald_turn_task.apply_async(
            (turn.model_dump(mode="json"), token), argsrepr=str(turn.turn_id), expires=TURN_SECONDS, retry=False
        )
    except RedisError as error:
        raise NotQueued("The list of known turns cannot be reached; send the turn again in a few seconds.") from error
    except OperationalError as error:
        cache.delete(key)
        raise NotQueued("The queue cannot be reached; send the turn again in a few seconds.") from error
    return True


def turn_run(*, turn: TurnRequest, token: str) -> str:
    """Answers a turn where it came from and returns how it ended: done, escalated, error, stale or lost."""
    run = TurnRun(turn, _replies(turn, token))
    replies = run.replies
    try:
        ending = _ending(run)
        replies.done(**asdict(ending))
    except TurnStale:
        return "stale"
    except ReplyLost as error:
        log.error("turn_lost", turn=str(turn.turn_id), error=str(error))
        return "lost"
    return (ending.reason == "error" and "error") or (ending.escalate and "escalated") or "done"


def _replies(turn: TurnRequest, token: str) -> Replies:
    turn_id, until = str(turn.turn_id), time.monotonic() + TURN_SECONDS
    if token:
        return Replies(url=turn.reply_url, token=token, turn_id=turn_id, until=until)
    return RepliesHere(channel=turn.channel, turn_id=turn_id, until=until)


def _ending(run: "TurnRun") -> Ending:
    try:
        return run.answer()
    except (TurnStale, ReplyLost):
        raise
    except MeridianError as error:
        log.warning("turn_failed", turn=str(run.turn.turn_id), error=type(error).__name__, why=str(error))
    except Exception:  # the base of every turn: whatever broke, a person has to hear of the contact
        log.exception("turn_broke", turn=str(run.turn.turn_id))
    return run.failed()


class TurnRun:
    """One turn on its way. Runs in the tenant's schema, outside any transaction: no query is open while a model thinks."""

    def __init__(self, turn: TurnRequest, replies: Replies) -> None:
        self.turn, self.replies = turn, replies
        self.meter = Meter()
        self.said: list[str] = []
        self.sources: Sources = []

    def answer(self) -> Ending:
        """The turn's ending, after its messages were sent. Raises MeridianError when there is none but a person."""
        version = agent_for_call(self.turn.agent_id)
        config = agent_config(version, subject="turn", known=turn_variables(self.turn))
        phrase = phrase_in(map(own_words, self.turn.messages), config["handoff"]["phrases"])
        if phrase is not None:
            team, reason = config["handoff"]["team"], f"The contact asked for a person (“{phrase}”)."
            return Ending(True, team, reason, summary_plain(self.turn, []))
        chain = Chain(config, self.meter, time.monotonic() + ANSWER_SECONDS)
        handed = self._talk(chain, version, config)
        summary = str((handed or {}).get("summary") or "")[:SUMMARY_CHARACTERS] or summary_of(self.turn, self.said, chain)
        return Ending(handed is not None, *_handed_to(handed, config), summary, self.meter.rows())

    def failed(self) -> Ending:
        """The ending when nothing else is possible; what was used until then is billed."""
        return Ending(True, None, "error", summary_plain(self.turn, self.said), self.meter.rows())

    def _talk(self, chain: Chain, version: AgentVersion, config: dict[str, Any]) -> dict[str, Any] | None:
        """Sends what the model says and runs what it asks for; returns the arguments of its handoff, if it made one."""
        messages, tools = prompt_of(config, self.turn), _tools(config)
        self.sources = passages_put(messages, config, self.turn)
        reply = self._first(chain, messages, tools)
        for round_left in reversed(range(TOOL_ROUNDS)):
            self._say(reply.text)
            if not reply.calls:
                return None
            messages.append(_spoken(reply))
            for call in reply.calls:
                if call.name == HANDOFF:
                    return _arguments(call) or {}
                messages.append(self._tool(call, version))
            if is_stopping():
                raise TurnStopped("The worker is being stopped.")
            reply = chain.ask(messages, tools, **({} if round_left else {"tool_choice": "none"}))
        if not reply.text:
            raise ModelSilent(f"The model asked for tools {TOOL_ROUNDS} times and never answered.")
        self._say(reply.text)
        return None

    def _first(self, chain: Chain, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
        """The contact sees typing while the model already thinks."""
        asked = chain.begin(messages, tools)
        try:
            self.replies.typing()
        except MeridianError:
            asked.cancel()
            raise
        return finish(asked)

    def _say(self, text: str) -> None:
        for message in messages_of(text):
            self.replies.message(message, self.sources)
            self.said.append(message)

    def _tool(self, call: ToolRequest, version: AgentVersion) -> dict[str, Any]:
        """The tool's result as a message. In-process: the same code, guard and secrets as the address, without a request."""
        close_old_connections()  # the model may have thought for longer than a connection lives
        context = self._context()
        arguments = _arguments(call)
        try:
            if arguments is None:
                raise ToolFailed("The arguments are not a JSON object; send them again.")
            result: Any = {"ok": True, "result": tool_run(version=version, name=call.name, arguments=arguments, context=context)}
        except (ToolFailed, UnknownTool) as error:
            result = {"ok": False, "error": str(error)}
        content = json.dumps(result, ensure_ascii=False)[:RESULT_CHARACTERS]
        self.sources = [*self.sources, *sources_looked_up(call.name, content)]
        return {"role": "tool", "tool_call_id": call.id, "content": content}

    def _context(self) -> ToolContext:
        return ToolContext(schema_current(), str(self.turn.agent_id), "turn", str(self.turn.turn_id))


def _tools(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The agent's tools, and the handoff, which needs nobody's permission."""
    specs = [spec for spec in config["tools"] if spec["name"] != HANDOFF]
    handoff = handoff_tool(team_names())
    return [
        {"type": "function", "function": {key: spec[key] for key in ("name", "description", "parameters")}}
        for spec in [*specs, handoff]
    ]


def _spoken(reply: Reply) -> dict[str, Any]:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
        for call in reply.calls
    ]
    return {"role": "assistant", "content": reply.text or None, "tool_calls": calls}


def _arguments(call: ToolRequest) -> dict[str, Any] | None:
    """What the model wrote, None when it is no JSON object; no text at all is an empty one."""
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _handed_to(handed: dict[str, Any] | None, config: dict[str, Any]) -> tuple[str | None, str | None]:
    if handed is None:
        return None, None
    team = str(handed.get("team") or config["handoff"]["team"] or "")[:63] or None
    return team, str(handed.get("reason") or "The agent asked for a person.")[:300]
