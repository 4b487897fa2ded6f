"""Try it, in text: the draft as it is stored now answers, and nothing of it becomes a conversation."""

import json
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from apps.compass.chat import ChatTurn, Cost, Said, chat, refusal_of
from apps.compass.editor import Editing
from apps.compass.models.checks import TrialUsage
from apps.compass.selectors import AgentUnavailable
from apps.compass.selectors.trials import agent_for_trial
from apps.compass.services.checks_usage import trial_usage_record
from apps.tenants.access import MANAGERS, role_required

LONGEST = 4_000  # characters of one message
MOST = 60  # messages of one trial


class SaidBefore(BaseModel):
    role: str = Field(pattern="^(contact|agent)$")
    text: str = Field(max_length=20_000)


HISTORY = TypeAdapter(list[SaidBefore])


def try_context(editing: Editing) -> dict[str, Any]:
    """What the panel beside the editor shows."""
    return {"trying": editing.agent}


@require_POST
@role_required(*MANAGERS)
def try_chat(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """One message to the draft; the answer and how it came about, as a fragment."""
    try:
        version = agent_for_trial(agent_id)
    except AgentUnavailable as error:
        if error.code == "unknown_agent":
            raise Http404 from error
        return _told(request, ChatTurn([], error=error.message), None)
    text = request.POST.get("text", "").replace("\x00", "").strip()[:LONGEST]
    if not text:
        return _told(request, ChatTurn([], error=_("There is nothing to answer; write something first.")), None)
    if refusal := refusal_of(version.agent_id):
        return _told(request, ChatTurn([], error=refusal), None)
    turn = chat().turn(version=version, history=_history(request), text=text)
    user_id = request.user.pk
    cost = trial_usage_record(kind=TrialUsage.Kind.CHAT, version=version, usage=turn.usage, user_id=user_id)
    return _told(request, turn, cost)


def _history(request: HttpRequest) -> list[Said]:
    """What the page remembers of this trial; anything else counts as a new one."""
    try:
        said = HISTORY.validate_json(request.POST.get("history", "[]"))
    except ValidationError:
        return []
    return [Said("agent" if item.role == "agent" else "contact", item.text) for item in said[-MOST:]]


def _told(request: HttpRequest, turn: ChatTurn, cost: Cost | None) -> HttpResponse:
    return render(request, "compass/agents/try/turn.html", turn_context(turn.as_json(), cost))


def turn_context(turn: dict[str, Any], cost: Cost | None = None) -> dict[str, Any]:
    """An answer as the templates show it, from what ChatTurn.as_json gives."""
    return {
        "turn": turn,
        "reply": "\n\n".join(turn["messages"]),
        "tools": [tool_shown(use) for use in turn["tools"]],
        "prompt": [message_shown(message) for message in turn["prompt"]],
        "tokens_in": sum(row.get("input_tokens", 0) for row in turn["usage"]),
        "tokens_out": sum(row.get("output_tokens", 0) for row in turn["usage"]),
        "cost": cost.amount if cost else None,
        "currency": cost.currency if cost else "",
        "unpriced": bool(cost and cost.amount is None),
    }


def tool_shown(use: dict[str, Any]) -> dict[str, Any]:
    """A tool's use with its arguments and its result as text."""
    return {**use, "arguments": _pretty(use["arguments"]), "result": _pretty(use["result"])}


def message_shown(message: dict[str, Any]) -> dict[str, str]:
    """A message of a prompt; one that only asks for tools says which."""
    calls = [f"{call['function']['name']}({call['function']['arguments']})" for call in message.get("tool_calls") or ()]
    return {"role": message["role"], "text": "\n".join(filter(None, (message.get("content"), *calls)))}


def _pretty(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
