"""Built-in tools. An app that can do something for a model registers it here from its own ready()."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.core.errors import MeridianError


class ToolFailed(MeridianError):
    """The tool did not do it; the text is a sentence that the model can act on."""


@dataclass(frozen=True)
class ToolContext:
    """Who asks: the current schema is the tenant's. `subject_id` is the call's or turn's id by `subject_kind`."""

    tenant: str
    agent_id: str
    subject_kind: str
    subject_id: str


Run = Callable[[ToolContext, dict[str, Any]], Any]


@dataclass(frozen=True)
class BuiltinSpec:
    """What the model is told, and what runs. Without `run` whoever talks to the caller does it itself."""

    name: str
    description: str
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    run: Run | None = None


_builtins: dict[str, BuiltinSpec] = {}


def tool_register(name: str, *, description: str, parameters: dict[str, Any] | None = None, run: Run | None = None) -> None:
    """Adds a built-in tool. `run` gets a ToolContext and checked arguments, returns JSON, and may raise ToolFailed."""
    schema = parameters or {"type": "object", "properties": {}}
    _builtins[name] = BuiltinSpec(name, description, schema, run)


def tool_builtin(name: str) -> BuiltinSpec | None:
    """The built-in tool of this name, or None."""
    return _builtins.get(name)


def tool_names() -> list[str]:
    """The names of every built-in tool, in alphabetical order."""
    return sorted(_builtins)
