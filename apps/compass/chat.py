"""Talking to an agent in text, to try and to check it. Herald, which does the talking, and billing's prices register here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

from apps.compass.listening import Listener
from apps.compass.models import AgentVersion
from apps.core.errors import PermanentError

ANSWER_SECONDS = 30.0  # for the models and tools of one answer together

Usage = list[dict[str, Any]]
Prices = Callable[[Sequence[Usage]], "list[Cost]"]


@dataclass(frozen=True)
class Said:
    """Something said before."""

    role: Literal["contact", "agent"]
    text: str


@dataclass(frozen=True)
class ToolUse:
    """A tool that the model asked for. `arguments` is None when it wrote no JSON object; `canned` when nothing was run."""

    name: str
    arguments: dict[str, Any] | None
    ok: bool
    result: Any
    seconds: float
    canned: bool = False


@dataclass(frozen=True)
class HandedOver:
    """The agent would have called a colleague."""

    team: str | None
    reason: str


@dataclass(frozen=True)
class ChatTurn:
    """One answer of an agent and how it came about. `error` is a sentence when there is none; durations in seconds.

    `stopped`: whoever listened had enough of it, and `messages` is what there was until then.
    """

    messages: list[str]
    tools: list[ToolUse] = field(default_factory=list)
    handoff: HandedOver | None = None
    prompt: list[dict[str, Any]] = field(default_factory=list)
    offered: list[dict[str, Any]] = field(default_factory=list)
    model: str = ""
    first_token: float | None = None
    seconds: float = 0.0
    usage: Usage = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    error: str = ""
    stopped: bool = False

    @property
    def reply(self) -> str:
        """All that it said."""
        return "\n\n".join(self.messages)

    def as_json(self) -> dict[str, Any]:
        """What can be kept."""
        return asdict(self)


@dataclass(frozen=True)
class Asked:
    """What a language model answered to a plain question; `error` is a sentence when it did not."""

    text: str = ""
    seconds: float = 0.0
    usage: Usage = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class Cost:
    """What usage costs its tenant; `amount` is None when something of it has no price."""

    amount: Decimal | None
    currency: str


class Chat(Protocol):
    """Runs in the current tenant; neither method writes anything or raises over a model that fails."""

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
        """The answer of this version, stored or not, to `text`. Tools named in `tool_answers` are answered from it, not run.

        `listener` is told of it while it is written, and may stop it.
        """
        ...

    def ask(
        self, *, version: AgentVersion, messages: list[dict[str, Any]], model: str = "", seconds: float = ANSWER_SECONDS
    ) -> Asked:
        """An answer of the version's own language model, or of another one of the same provider, without its prompt and tools."""
        ...


_chats: list[Chat] = []
_prices: list[Prices] = []
_gates: list[Callable[[UUID], str]] = []


def chat_register(chat: Chat) -> None:
    """Says who talks; the last one counts."""
    _chats[:] = [chat]


def chat() -> Chat:
    """Who talks. Raises PermanentError where nobody does."""
    if not _chats:
        raise PermanentError("This installation has no text agent, so agents cannot be tried in text.")
    return _chats[0]


def costs_register(prices: Prices) -> None:
    """Says what each of several usages costs; the last one counts."""
    _prices[:] = [prices]


def gate_register(gate: Callable[[UUID], str]) -> None:
    """Says who is asked before an agent is tried or checked: a sentence where it must not be, nothing where it may."""
    _gates[:] = [gate]


def refusal_of(agent_id: UUID) -> str:
    """Why an agent cannot be tried or checked now; empty when it can."""
    return _gates[0](agent_id) if _gates else ""


def cost_of(usage: Usage) -> Cost | None:
    """What usage rows (contracts.md, Billing) cost now; None where nobody knows prices."""
    found = costs_of([usage])
    return found[0] if found else None


def costs_of(usages: Sequence[Usage]) -> list[Cost]:
    """The same for each of several, in their order; nothing where nobody knows prices."""
    return _prices[0](usages) if _prices and usages else []
