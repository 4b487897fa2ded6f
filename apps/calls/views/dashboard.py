"""The dashboard: how today goes, and what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.billing.models import SpendLimit
from apps.billing.neighbours import agents_now
from apps.billing.selectors.limits import LimitRow, limit_rows
from apps.calls.first_steps import Step, first_steps
from apps.calls.selectors_dashboard import day_of, spent_since
from apps.calls.selectors_pages import calls_recent, calls_today
from apps.calls.views.rights import rights
from apps.compass.selectors import agents_all
from apps.desktop.selectors import conversations_waiting
from apps.tenants.access import ADMINS, MONEY, role_required

DISMISSED = "first_steps"
YEAR = 365 * 24 * 3600


@require_GET
@role_required()
def dashboard(request: HttpRequest) -> HttpResponse:
    """Today's numbers, the newest calls, the agents one can talk to, and the first steps of a new company."""
    tenant, allowed = request.tenant, rights(request)  # type: ignore[attr-defined]
    today = calls_today(tenant.timezone)
    context = {
        "section": "dashboard",
        "today": today,
        "answer_rate": round(100 * today.answered / today.total) if today.total else None,
        "day": day_of(tenant.timezone),
        "spent": spent_since(tenant, tenant.timezone) if allowed["may_costs"] else None,
        "waiting": conversations_waiting() if allowed["may_words"] else (0, None),
        "limits": _limits(request) if allowed["may_costs"] else [],
        "may_limits": request.membership.role in MONEY,  # type: ignore[attr-defined]
        "recent": calls_recent(),
        "agents": agents_all(),
        "steps": _steps(request),
        **allowed,
    }
    page = "calls/dashboard_body.html" if request.htmx else "calls/dashboard.html"  # type: ignore[attr-defined]
    return render(request, page, context)


def _limits(request: HttpRequest) -> list[LimitRow]:
    """Those of the whole company, and of the others what needs attention."""
    rows = limit_rows(request.tenant, dict(agents_now()))  # type: ignore[attr-defined]
    return [row for row in rows if row.limit.scope == SpendLimit.Scope.TENANT or row.is_near or row.is_reached]


@require_POST
@role_required(*ADMINS)
def first_steps_dismiss(request: HttpRequest) -> HttpResponse:
    """This browser does not show them again."""
    answer = redirect("dashboard")
    answer.set_cookie(DISMISSED, "off", max_age=YEAR, httponly=True, samesite="Lax", secure=request.is_secure())
    return answer


def _steps(request: HttpRequest) -> list[Step]:
    """None for those who cannot take them, once all are done, or where they were dismissed."""
    if request.membership.role not in ADMINS or request.COOKIES.get(DISMISSED) == "off":  # type: ignore[attr-defined]
        return []
    steps = first_steps(request.tenant)  # type: ignore[attr-defined]
    return [] if all(step.done for step in steps) else steps
