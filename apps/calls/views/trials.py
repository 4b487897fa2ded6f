"""The part of the agent editor in which a manager talks to the draft."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.billing.services.limits import spend_open
from apps.calls.agents import AgentUnavailable, call_agent
from apps.calls.models import Call, Channel
from apps.calls.trials import answers_of
from apps.calls.views.public import ENDINGS
from apps.calls.views.words import step_of
from apps.compass.selectors import agents_all
from apps.compass.trial_notes import trial_notes
from apps.tenants.access import MANAGERS, role_required


@require_GET
@role_required(*MANAGERS)
def trial(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """The call, as a fragment: what the public call page has, for the draft."""
    agent = agents_all().filter(pk=agent_id).first()
    if agent is None:
        raise Http404
    problem = ""
    try:
        call_agent(agent.pk, trial=True)
        problem = spend_open(agent_id=agent.pk, channel=Channel.WEBRTC).reason
    except AgentUnavailable as error:
        problem = error.message
    context = {"agent": agent, "endings": ENDINGS, "start": "ready", "problem": problem}
    return render(request, "calls/trial.html", context)


@require_GET
@role_required(*MANAGERS)
def trial_turns(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """What was measured of a trial so far: what each answer took and cost, the tools, and the prompt as it was sent."""
    call = Call.objects.filter(pk=call_id, trial=True).first()
    if call is None:
        raise Http404
    events = list(call.events.order_by("at", "seq"))
    tools = [step_of(event) for event in events if event.type == "tool"]
    notes = trial_notes(str(call.pk))
    context = {"call": call, "answers": answers_of(call, events), "tools": tools, "notes": notes}
    return render(request, "calls/trial_turns.html", context)
