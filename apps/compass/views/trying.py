"""Try it, in text: the draft as it is stored now answers, and nothing of it becomes a conversation.

Whoever asks for NDJSON hears the answer while it is written, one JSON object a line: `{"kind": "text", "text", "first"}` (seconds
to the first word), `again` (forget the text since the last tool: another model begins), `tool` and `tool_done`, and `ended` with
the whole as `html`. Lines may be empty, which says only that it goes on. Others get the HTML alone.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_tenants.utils import schema_context
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from apps.compass.chat import ChatTurn, Cost, Said, chat, refusal_of
from apps.compass.editor import Editing
from apps.compass.listening import Listener
from apps.compass.models import Agent, AgentVersion
from apps.compass.models.checks import TrialUsage
from apps.compass.selectors import AgentUnavailable
from apps.compass.selectors.trials import agent_for_trial
from apps.compass.services.checks_usage import trial_usage_record
from apps.core.beside import beside_run
from apps.core.schema import schema_current
from apps.tenants.access import MANAGERS, role_required

LONGEST = 4_000  # characters of one message
MOST = 60  # messages of one trial
NDJSON = "application/x-ndjson"
BREATH = 0.25  # seconds between looks whether somebody has pressed Stop
STOPPED_SECONDS = 60  # for which a Stop is known


class SaidBefore(BaseModel):
    role: str = Field(pattern="^(contact|agent)$")
    text: str = Field(max_length=20_000)


HISTORY = TypeAdapter(list[SaidBefore])


def try_context(editing: Editing) -> dict[str, Any]:
    """What the panel beside the editor shows."""
    return {"trying": editing.agent}


@require_POST
@role_required(*MANAGERS)
def try_chat(request: HttpRequest, agent_id: UUID) -> HttpResponseBase:
    """One message to the draft; the answer and how it came about, as a fragment or while it is written."""
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
    if request.accepts(NDJSON) and NDJSON in request.headers.get("Accept", ""):
        return _streamed(request, version, text)
    return _told(request, *_answered(request, version, text, Listener()))


@require_POST
@role_required(*MANAGERS)
def try_stop(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Stops the answer that was asked for with this `turn`; whoever streams it looks here."""
    if not Agent.objects.filter(pk=agent_id).exists():
        raise Http404
    cache.set(_stop_key(request), 1, STOPPED_SECONDS)
    return HttpResponse(status=204)


def _stop_key(request: HttpRequest) -> str:
    """A person stops their own answers only. The cache puts the tenant in front."""
    return f"try.stop:{request.user.pk}:{request.POST.get('turn', '')[:40]}"


def _answered(request: HttpRequest, version: AgentVersion, text: str, listener: Listener) -> tuple[ChatTurn, Cost | None]:
    turn = chat().turn(version=version, history=_history(request), text=text, listener=listener)
    user_id = request.user.pk
    return turn, trial_usage_record(kind=TrialUsage.Kind.CHAT, version=version, usage=turn.usage, user_id=user_id)


def _streamed(request: HttpRequest, version: AgentVersion, text: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(
        _lines(_begun(request, version, text), schema_current(), _stop_key(request)), content_type=NDJSON
    )
    answer.headers["Cache-Control"], answer.headers["X-Accel-Buffering"] = "no-store", "no"  # a proxy passes it on as it comes
    return answer


def _begun(request: HttpRequest, version: AgentVersion, text: str) -> Listener:
    """The answer is made beside this thread, which tells of it."""
    listener = Listener()

    def work() -> None:
        try:
            turn, cost = _answered(request, version, text, listener)
            html = render_to_string("compass/agents/try/turn.html", turn_context(turn.as_json(), cost), request)
            listener.tell("ended", html=html)
        finally:
            listener.tell("over")

    beside_run("trial-chat", work)
    return listener


def _lines(listener: Listener, schema: str, stop: str) -> Iterator[str]:
    """A page that was closed stops the answer, too."""
    try:
        while (heard := listener.next(BREATH)) is None or heard.kind != "over":
            yield (json.dumps({"kind": heard.kind, **heard.values}, default=str) if heard else "") + "\n"
            with schema_context(schema):
                if heard is None and not listener.stopped and cache.get(stop):
                    listener.stop()
    finally:
        listener.stop()


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
