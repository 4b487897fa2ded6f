"""A call's page: what was said, how it felt, how fast it went, what it cost, and every event behind that."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.billing.selectors import call_cost
from apps.calls.models import Call
from apps.calls.selectors_pages import call_listed, call_turns
from apps.calls.views.charts import latency_chart, mood_chart
from apps.calls.views.costs import cost_rows
from apps.calls.views.recordings import recording_shown
from apps.calls.views.rights import rights
from apps.calls.views.words import call_steps
from apps.tenants.access import role_required


@require_GET
@role_required()
def call_detail(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """The whole page, or its body when htmx asks for it because the call has moved on."""
    call = call_listed(call_id)
    if call is None:
        raise Http404
    allowed = rights(request)
    words = _words(request, call, allowed)
    context = {"section": "calls", "call": call, **allowed, **words, **_cost(request, call, allowed)}
    context["tabs"] = _tabs(allowed)
    page = "calls/detail_body.html" if request.htmx else "calls/detail.html"  # type: ignore[attr-defined]
    return render(request, page, context)


def _words(request: HttpRequest, call: Call, allowed: dict[str, bool]) -> dict[str, Any]:
    if not (allowed["may_words"] or allowed["may_timeline"]):
        return {}
    events = list(call.events.order_by("at", "seq"))
    turns = call_turns(call, events, began=call.joined_at or call.started_at)
    role = request.membership.role  # type: ignore[attr-defined]
    return {
        **(recording_shown(call, events, turns, role=role) if allowed["may_words"] else {}),
        "turns": turns,
        "latency": latency_chart(events),
        "mood": mood_chart(turns),
        "steps": call_steps(call, events) if allowed["may_timeline"] else [],
    }


def _cost(request: HttpRequest, call: Call, allowed: dict[str, bool]) -> dict[str, Any]:
    if not allowed["may_costs"]:
        return {}
    cost = call_cost(request.tenant, call.pk)  # type: ignore[attr-defined]
    return {"cost": cost, "cost_rows": cost_rows(cost) if cost else []}


def _tabs(allowed: dict[str, bool]) -> list[tuple[str, str, str]]:
    tabs = [("conversation", _("Conversation"), "message-square")] if allowed["may_words"] else []
    return [*tabs, ("timeline", _("Timeline"), "history")] if allowed["may_timeline"] else tabs
