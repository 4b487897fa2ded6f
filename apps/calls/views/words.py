"""The raw timeline in words: one sentence for each event."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.calls.models import Call, CallEvent, Dispatch, EventType
from apps.core.templatetags.ui import seconds

SYSTEMS = {"atlas": "Atlas", "media-bot": "Media Bot"}
CALL_SERVICE = "Call Service"
STATES = {
    "joined": gettext_lazy("joined the room"),
    "initializing": gettext_lazy("is getting ready"),
    "listening": gettext_lazy("listens"),
    "thinking": gettext_lazy("thinks"),
    "speaking": gettext_lazy("speaks"),
    "ringback_started": gettext_lazy("started the ringing tone"),
    "ringback_stopped": gettext_lazy("stopped the ringing tone"),
    "closed": gettext_lazy("left"),
}
SPEAKERS = {"caller": gettext_lazy("Caller"), "agent": gettext_lazy("Agent")}
ICONS = {
    EventType.STATE: "activity",
    EventType.TRANSCRIPT: "message-square",
    EventType.SENTIMENT: "smile",
    EventType.LATENCY: "gauge",
    EventType.TOOL: "wrench",
    EventType.USAGE: "circle-dollar-sign",
    EventType.ERROR: "triangle-alert",
}


@dataclass(frozen=True)
class Step:
    """A row of the timeline."""

    at: datetime
    icon: str
    system: str
    words: str
    is_error: bool = False
    id: str = ""
    raw: str = ""


def call_steps(call: Call, events: Iterable[CallEvent]) -> list[Step]:
    """The whole timeline, oldest first: the call's own milestones, whom it asked to join, and every event."""
    steps = [*_milestones(call), *(step for dispatch in call.dispatches.all() for step in _dispatch(dispatch))]
    steps += [step_of(event) for event in events]
    return sorted(steps, key=lambda step: step.at)


def _milestones(call: Call) -> Iterator[Step]:
    moments = (
        (call.started_at, "phone-incoming", _("The call began")),
        (call.joined_at, "user", _("The caller was there")),
        (call.answered_at, "phone-call", _("The agent answered")),
        (call.ended_at, "phone-off", _ended(call)),
        (call.billed_at, "circle-dollar-sign", _("The call was billed")),
    )
    return (Step(at, icon, CALL_SERVICE, words) for at, icon, words in moments if at is not None)


def _ended(call: Call) -> str:
    reason = call.get_ended_reason_display()
    return _("The call ended: %(reason)s") % {"reason": reason} if reason else _("The call ended")


def _dispatch(dispatch: Dispatch) -> Iterator[Step]:
    values = {"name": SYSTEMS.get(dispatch.agent_name, dispatch.agent_name), "attempt": dispatch.attempt}
    yield Step(dispatch.requested_at, "bot", CALL_SERVICE, _("%(name)s was asked to join, attempt %(attempt)s") % values)
    if dispatch.joined_at:
        yield Step(dispatch.joined_at, "bot", CALL_SERVICE, _("%(name)s joined") % values)
    if dispatch.failed_at:
        lost = _("%(name)s was lost") if dispatch.joined_at else _("%(name)s did not come")
        yield Step(dispatch.failed_at, "bot", CALL_SERVICE, lost % values, is_error=True)


def step_of(event: CallEvent) -> Step:
    """What an event says, in words; an unknown kind shows its type."""
    say = SAYERS.get(event.type)
    words = say(event.data) if say else event.type
    failed = event.type == EventType.ERROR or event.data.get("ok") is False
    return Step(
        event.at, ICONS.get(EventType(event.type), "info"), _system(event), words, failed, f"event-{event.pk}", _raw(event)
    )


def _raw(event: CallEvent) -> str:
    came = {"source": event.source, "seq": event.seq, "type": event.type, "at": event.at.isoformat(), **event.data}
    return json.dumps(came, indent=2, ensure_ascii=False)


def _system(event: CallEvent) -> str:
    run = event.source.partition(".")[2]
    name = SYSTEMS.get(event.system, event.system)
    return _("%(name)s, run %(run)s") % {"name": name, "run": run} if run else name


def _state(data: dict[str, Any]) -> str:
    words = str(STATES.get(data.get("state", ""), data.get("state", "")))
    detail = data.get("detail")
    return f"{words} ({detail})" if detail else words


def _transcript(data: dict[str, Any]) -> str:
    words = f"{SPEAKERS.get(data.get('speaker', ''), '')}: {data.get('text', '')}"
    return _("%(words)s (interrupted)") % {"words": words} if data.get("interrupted") else words


def _sentiment(data: dict[str, Any]) -> str:
    mood = _("%(label)s (%(score)s)") % {"label": data.get("label", ""), "score": number_format(data.get("score", 0), 2)}
    return f"{mood}: {data['text']}" if data.get("text") else mood


def _latency(data: dict[str, Any]) -> str:
    return _("Turn %(turn)s was heard after %(delay)s") % {"turn": data.get("turn", ""), "delay": seconds(data.get("e2e"))}


def _tool(data: dict[str, Any]) -> str:
    values = {"name": data.get("name", ""), "delay": seconds(data.get("duration")), "error": data.get("error") or ""}
    if data.get("ok") and data.get("sources"):
        return _("Tool %(name)s answered after %(delay)s from %(sources)s") % {**values, "sources": "; ".join(data["sources"])}
    if data.get("ok"):
        return _("Tool %(name)s answered after %(delay)s") % values
    return _("Tool %(name)s failed after %(delay)s: %(error)s") % values


def _usage(data: dict[str, Any]) -> str:
    models = ", ".join(f"{row.get('kind')} {row.get('model')}" for row in data.get("usage", []))
    return _("Used so far: %(models)s") % {"models": models or _("nothing")}


def _error(data: dict[str, Any]) -> str:
    return str(data.get("message") or data.get("code") or "")


SAYERS: dict[str, Callable[[dict[str, Any]], str]] = {
    EventType.STATE: _state,
    EventType.TRANSCRIPT: _transcript,
    EventType.SENTIMENT: _sentiment,
    EventType.LATENCY: _latency,
    EventType.TOOL: _tool,
    EventType.USAGE: _usage,
    EventType.ERROR: _error,
}
