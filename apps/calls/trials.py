"""What each answer of a call to a draft cost: what Atlas has used by then, less what it had used before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.calls.models import Call, CallEvent, EventType
from apps.calls.selectors import NOT_COUNTED, usage_merged
from apps.calls.selectors_pages import Turn, call_turns
from apps.calls.services.dispatches import ATLAS
from apps.compass.chat import Cost, Usage, costs_of

Said = tuple[datetime, str]


@dataclass(frozen=True)
class Answer:
    """Something that the agent said; `cost` is None where nobody has told yet what was used for it."""

    turn: Turn
    cost: Cost | None


def answers_of(call: Call, events: Sequence[CallEvent]) -> list[Answer]:
    """Everything that the agent said, in order, with what its models and its voice cost at today's prices."""
    turns = [turn for turn in call_turns(call, events) if turn.speaker == "agent"]
    used = answers_used(events)
    costs = dict(zip(used, costs_of(list(used.values())), strict=False))  # nobody may know prices
    return [Answer(turn, costs.get((turn.told_at, turn.text))) for turn in turns]


def answers_used(events: Iterable[CallEvent]) -> dict[Said, Usage]:
    """Usage rows by the answer after which they were told. What is told between two answers belongs to the later one."""
    found: dict[Said, Usage] = {}
    before: dict[str, Usage] = {}
    waiting: dict[str, Said] = {}
    for event in sorted(events, key=lambda event: event.seq):
        if event.system != ATLAS:
            continue
        if event.type == EventType.TRANSCRIPT and event.data.get("speaker") == "agent":
            waiting[event.source] = (event.at, event.data["text"])
        elif event.type == EventType.USAGE and event.source in waiting:
            rows = event.data.get("usage", [])
            found[waiting.pop(event.source)] = _less(rows, before.get(event.source, []))
            before[event.source] = rows
    return found


def _less(rows: Usage, before: Usage) -> Usage:
    """What came on top; rows to which nothing came are left out."""
    merged = usage_merged([*rows, *map(_negative, before)])
    return [row for row in map(_rounded, merged) if any(row[name] for name in row.keys() - NOT_COUNTED)]


def _negative(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name in NOT_COUNTED or not isinstance(value, int | float) else -value for name, value in row.items()}


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}
