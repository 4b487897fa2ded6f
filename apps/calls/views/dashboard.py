"""The dashboard: how today goes, and what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.calls.selectors_pages import calls_recent, calls_today
from apps.calls.views.rights import rights
from apps.compass.selectors import agents_all
from apps.tenants.access import role_required


@require_GET
@role_required()
def dashboard(request: HttpRequest) -> HttpResponse:
    """Today's numbers, the newest calls, and the agents one can talk to."""
    context = {
        "section": "dashboard",
        "today": calls_today(request.tenant.timezone),  # type: ignore[attr-defined]
        "recent": calls_recent(),
        "agents": agents_all(),
        **rights(request),
    }
    page = "calls/dashboard_body.html" if request.htmx else "calls/dashboard.html"  # type: ignore[attr-defined]
    return render(request, page, context)
