"""What is shown where a suspended company is served no more: why, to its own people, and whom to ask."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, re_path
from django.utils.translation import gettext as _

from apps.core.errors import problem_response, wants_json
from apps.tenants.models import Membership, Tenant, User
from apps.tenants.policy import session_foreign
from apps.tenants.selectors import membership_of

URLCONF = "apps.tenants.suspension"
_reason: Callable[[Tenant], str] = lambda tenant: ""  # noqa: E731


def suspension_reason_register(reason: Callable[[Tenant], str]) -> None:
    """Called once from ready() of whoever knows why a company was suspended."""
    global _reason
    _reason = reason


def suspended(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Every address of its host. Strangers, such as its callers, are told that it is away and not why."""
    tenant: Tenant = request.suspended  # type: ignore[attr-defined]
    if wants_json(request):
        return problem_response(404, "suspended", _("This company's account is suspended. Nothing is lost."))
    user = get_user(request)
    known = isinstance(user, User) and not session_foreign(request.session, tenant) and membership_of(user, tenant) is not None
    context = {
        "company": tenant,
        "known": known,
        "reason": _reason(tenant) if known else "",
        "contact": settings.PLATFORM_CONTACT,
        "login": f"{settings.PUBLIC_URL}/login",
    }
    return render(request, "errors/suspended.html", context, status=404)


def suspension_sentence(user: User) -> str:
    """What somebody is told at the public log-in whose every company is suspended; nothing where none is."""
    found = Membership.objects.filter(user=user, tenant__status=Tenant.Status.SUSPENDED).select_related("tenant").first()
    if found is None:
        return ""
    parts = [_("%(company)s is suspended; nothing of it is lost.") % {"company": found.tenant.name}, _reason(found.tenant)]
    if settings.PLATFORM_CONTACT:
        parts.append(_("Ask %(contact)s.") % {"contact": settings.PLATFORM_CONTACT})
    return " ".join(part for part in parts if part)


urlpatterns = [path("", suspended), re_path(r"^(?P<rest>.+)$", suspended)]
handler500 = "apps.core.pages.server_error"
