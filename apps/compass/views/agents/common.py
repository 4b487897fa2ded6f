"""What the agent pages share."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest

from apps.compass.models import Agent
from apps.compass.selectors import agent_by_slug
from apps.tenants.access import ADMINS, MANAGERS, role_required

managers = role_required(*MANAGERS)
admins = role_required(*ADMINS)


def agent_or_404(slug: str) -> Agent:
    agent = agent_by_slug(slug)
    if agent is None:
        raise Http404("There is no such agent.")
    return agent


def may_change(request: HttpRequest) -> bool:
    """Supervisors look, admins change."""
    return request.membership.role in ADMINS  # type: ignore[attr-defined]


def person(request: HttpRequest) -> UUID:
    return UUID(str(request.user.pk))


def page(request: HttpRequest, **more: Any) -> dict[str, Any]:
    return {"section": "agents", "may_change": may_change(request), **more}
