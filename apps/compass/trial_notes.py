"""What stands behind a call to a draft, noted while it runs: the prompt as it was sent, and each tool with what went in and out.

Kept for a day in the cache, for whoever tries the draft. A cache that is away loses the note and never the call.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)
KEPT_SECONDS = 24 * 3600
MOST = 50  # tools of one call
LONGEST = 8_000  # characters of what went in or out


@dataclass(frozen=True)
class TrialTool:
    """A tool as Compass ran it, as people read it. `result` is what the model was told; `seconds` it took."""

    name: str
    arguments: str
    ok: bool
    result: str
    seconds: float


@dataclass(frozen=True)
class TrialNotes:
    """`prompt` is empty where nothing is known any more."""

    prompt: str = ""
    offered: list[str] = field(default_factory=list)
    tools: list[TrialTool] = field(default_factory=list)


def prompt_note(call_id: str, config: dict[str, Any]) -> None:
    """Notes the prompt that a configuration sends, and the tools that it offers; its credentials are left out."""
    value = {"prompt": config["prompt"]["system"], "offered": [tool["name"] for tool in config["tools"]]}
    try:
        cache.set(_key(call_id), value, KEPT_SECONDS)
    except RedisError as error:
        log.warning("trial_not_noted", call=call_id, error=type(error).__name__)


def tool_note(call_id: str, name: str, *, arguments: Any, ok: bool, result: Any, seconds: float) -> None:
    """Notes a tool that was run; several may run at once."""
    tool = TrialTool(name, _text(arguments), ok, _text(result), seconds)
    count = f"{_key(call_id)}:tools"
    try:
        cache.add(count, 0, KEPT_SECONDS)
        number = cache.incr(count)
        if number <= MOST:
            cache.set(f"{count}:{number}", asdict(tool), KEPT_SECONDS)
    except (RedisError, ValueError) as error:  # ValueError: the count was lost between the two
        log.warning("trial_not_noted", call=call_id, error=type(error).__name__)


def trial_notes(call_id: str) -> TrialNotes:
    """What was noted of a call, in order."""
    count = f"{_key(call_id)}:tools"
    try:
        told = cache.get(_key(call_id)) or {}
        names = [f"{count}:{number}" for number in range(1, min(cache.get(count) or 0, MOST) + 1)]
        found = cache.get_many(names) if names else {}
    except RedisError as error:
        log.warning("trial_notes_unread", call=call_id, error=type(error).__name__)
        return TrialNotes()
    return TrialNotes(**told, tools=[TrialTool(**found[name]) for name in names if name in found])


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _key(call_id: str) -> str:
    """The cache puts the tenant in front."""
    return f"trial:{call_id}"
