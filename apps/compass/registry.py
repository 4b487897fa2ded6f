"""Built-in tools. An app that can do something for a model registers it here from its own ready()."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from apps.core.errors import MeridianError

Subject = Literal["call", "turn"]
Schema = dict[str, Any]
EVERYWHERE: tuple[Subject, ...] = ("call", "turn")


class ToolFailed(MeridianError):
    """The tool did not do it; the text is a sentence that the model can act on."""


@dataclass(frozen=True)
class ToolContext:
    """Who asks: the current schema is the tenant's. `subject_id` is the call's or turn's id by `subject_kind`.

    `options` are what the agent's configuration says about this tool.
    """

    tenant: str
    agent_id: str
    subject_kind: str
    subject_id: str
    options: dict[str, Any] = field(default_factory=dict, hash=False)


Run = Callable[[ToolContext, dict[str, Any]], Any]
Shape = Callable[[dict[str, Any]], Schema]


def _nothing() -> Schema:
    return {"type": "object", "properties": {}}


@dataclass(frozen=True)
class BuiltinSpec:
    """What the model is told, and what runs. Without `run` whoever talks to the caller does it itself."""

    name: str
    description: str
    parameters: Schema = field(default_factory=_nothing)
    run: Run | None = None
    subjects: tuple[Subject, ...] = EVERYWHERE
    options: Schema = field(default_factory=_nothing)
    shape: Shape | None = None
    title: str = ""

    def parameters_with(self, options: dict[str, Any]) -> Schema:
        """The JSON Schema of its arguments for an agent with these options."""
        return self.shape(options) if self.shape else self.parameters


_builtins: dict[str, BuiltinSpec] = {}
_runs: dict[tuple[str, str], Run] = {}


def tool_register(
    name: str,
    *,
    description: str,
    parameters: Schema | None = None,
    run: Run | None = None,
    subjects: tuple[Subject, ...] = EVERYWHERE,
    options: Schema | None = None,
    shape: Shape | None = None,
    title: str = "",
) -> None:
    """Adds a built-in tool. `run` gets a ToolContext and checked arguments, returns JSON, and may raise ToolFailed.

    `subjects`: whether it is offered in calls, in chats (turns), or both. `options` is the JSON Schema (an object) of what an
    agent can set about it; `shape` makes the parameters out of those options. `title` names it for people.
    """
    _builtins[name] = BuiltinSpec(
        name, description, parameters or _nothing(), run, subjects, options or _nothing(), shape, title or name
    )


def tool_run_register(name: str, *, subject: Subject, run: Run) -> None:
    """How one app does a built-in of another for its own subject: Calls does `handoff` for calls. Order does not matter."""
    _runs[name, subject] = run


def tool_runner(name: str, subject: str) -> Run | None:
    """What runs this built-in for a call or a turn; None where whoever talks does it, or it is unknown."""
    spec = _builtins.get(name)
    return _runs.get((name, subject)) or (spec.run if spec else None)


def tool_builtin(name: str) -> BuiltinSpec | None:
    """The built-in tool of this name, or None."""
    return _builtins.get(name)


def tool_names() -> list[str]:
    """The names of every built-in tool, in alphabetical order."""
    return sorted(_builtins)


@dataclass(frozen=True)
class Caller:
    """Who a tool is run for. `contact_id` and `phone` (E.164) are empty where they are not known; `trial`: nobody is there."""

    phone: str = ""
    name: str = ""
    identity: str = ""
    contact_id: str = ""
    trial: bool = False


_callers: dict[str, Callable[[str], Caller]] = {}


def caller_register(subject: Subject, find: Callable[[str], Caller]) -> None:
    """How calls, or turns, tell who is on the other side; `find` gets the id and runs in the tenant's schema."""
    _callers[subject] = find


def caller_of(context: ToolContext) -> Caller:
    """Who the tool is run for. Raises ToolFailed where nobody can tell."""
    find = _callers.get(context.subject_kind)
    if find is None:
        raise ToolFailed("It is not known whom this is about.")
    return find(context.subject_id)
