"""The page where anyone talks to an agent from the browser."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from apps.billing.services.limits import spend_open
from apps.calls.agents import AgentUnavailable, call_agent
from apps.calls.models import Channel
from apps.compass.selectors import agent_by_slug

# What the page says when there is no call: (view of frontend/src/call/page.ts, icon, title, what to do next).
ENDINGS = (
    ("by_me", "circle-check", _("You hung up"), ""),
    ("by_them", "circle-check", _("The call has ended"), ""),
    (
        "unanswered",
        "phone-missed",
        _("Nobody answered"),
        _("We could not put you through, and we have noted it. Please call again."),
    ),
    ("lost", "wifi-off", _("The connection was lost"), _("It did not come back. Check your network, then call again.")),
    (
        "refused",
        "mic-off",
        _("Your microphone is blocked"),
        _("Click the icon left of the address, allow the microphone for this page, then call again."),
    ),
    ("missing", "mic-off", _("No microphone found"), _("Plug one in, or use a device that has one, then call again.")),
    ("in_use", "mic-off", _("Your microphone is in use"), _("Close the other program that uses it, then call again.")),
    (
        "insecure",
        "lock",
        _("This address cannot use a microphone"),
        _("Browsers allow it only on secure pages. Open this page with https in front."),
    ),
    ("busy", "clock", _("All lines are busy"), _("Many people are calling right now. Wait a moment, then call again.")),
    (
        "limit",
        "phone-off",
        _("No new calls at the moment"),
        _("Please try again later, or reach the company in another way."),
    ),
    (
        "unavailable",
        "phone-off",
        _("Takes no calls right now"),
        _("Please try again later, or reach the company in another way."),
    ),
    ("unknown", "search", _("Nobody here has this name"), _("Check the address you were given.")),
    (
        "unreachable",
        "server-off",
        _("We cannot be reached"),
        _("Check your network. If it works, the fault is ours: call again in a minute."),
    ),
)


@require_GET
@ensure_csrf_cookie
def call_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Anonymous. A 404 with a sentence for an agent that does not exist; says so when it takes no calls."""
    agent = agent_by_slug(slug)
    if agent is None:
        return render(request, "calls/call_unknown.html", status=404)
    start, records = _start(agent.pk)
    context = {"agent": agent, "endings": ENDINGS, "start": start, "records": records}
    return render(request, "calls/call_page.html", context)


def _start(agent_id: UUID) -> tuple[str, bool]:
    """The page's first view, and whether the call will be recorded."""
    try:
        agent = call_agent(agent_id)
    except AgentUnavailable:
        return "unavailable", False
    admitted = spend_open(agent_id=agent_id, channel=Channel.WEBRTC).admitted
    return ("ready" if admitted else "limit"), agent.records
