"""What a tenant's security policy asks of a log-in: where it counts, how long it lasts, a second factor, long passwords."""

import time
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.errors import problem_response, wants_json
from apps.core.schema import schema_current
from apps.tenants.models import Membership, Role, Tenant, User

SEEN_EVERY = 60  # seconds between two notes that a person is still at work
FREE = ("/account/", "/login", "/logout", "/i18n/")
LEAST = 10
SSO_MARK = "sso"  # in a session that the company's provider has opened


def login_stamp(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """At log-in: when it began, and that it counts at this tenant's host only."""
    tenant = getattr(request, "tenant", None)
    request.session["began"] = request.session["seen"] = int(time.time())
    request.session["tenant"] = tenant.schema_name if tenant else ""


def session_foreign(session: Any, tenant: Tenant) -> bool:
    """Whether this log-in was made at another tenant's host: its cookie, copied here, is worth nothing."""
    return session.get("tenant", "") not in ("", tenant.schema_name)


def session_by_provider(session: Any) -> bool:
    """Whether the company's provider opened it: it opens this company and nothing that is the person's own."""
    return bool(session.get(SSO_MARK))


def session_too_weak(session: Any, membership: Membership) -> bool:
    """Whether the company asks for its single sign-on and this is another log-in; owners keep their way in."""
    return membership.tenant.sso_required and membership.role != Role.OWNER and not session_by_provider(session)


def refusal(request: HttpRequest) -> HttpResponse | None:
    """What a member is told instead of the page while the tenant's policy is not met; None when it is."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    if _over(request, tenant):
        logout(request)
        return _to(request, "login", _("You were logged out, as your company's rules ask. Log in again to go on."))
    if session_too_weak(request.session, request.membership):  # type: ignore[attr-defined]
        logout(request)
        return _to(request, "login", _("Your company asks for its single sign-on. Log in with it to go on."))
    if session_by_provider(request.session):
        return _own_account(request)
    if tenant.mfa_required and not request.path.startswith(FREE) and not _has_factor(request):
        return _to(request, "mfa_index", _("Your company asks for a second factor. Set one up here to go on."))
    return None


def _own_account(request: HttpRequest) -> HttpResponse | None:
    """A log-in is a person's own and may belong to other companies, too: this company's provider does not change it."""
    if request.method in ("GET", "HEAD") and request.path == "/account/":
        return None  # which says so
    if not request.path.startswith("/account/"):
        return None
    return _to(request, "account", _("You are logged in by your company's single sign-on. Log in by password to change this."))


def _over(request: HttpRequest, tenant: Tenant) -> bool:
    now, session = int(time.time()), request.session
    too_long = now - session.get("began", now) > tenant.session_hours * 3600
    if not tenant.idle_minutes or too_long:
        return too_long
    seen = session.get("seen", now)
    works = request.method != "GET" or "HX-Request" not in request.headers  # a page that refreshes itself is nobody at work
    if now - seen > tenant.idle_minutes * 60:
        return True
    if (works and now - seen > SEEN_EVERY) or "seen" not in session:
        session["seen"] = now
    return False


def _has_factor(request: HttpRequest) -> bool:
    """Asked of the database until the answer is yes."""
    if request.session.get("factor"):
        return True
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    found = Authenticator.objects.filter(user=request.user, type__in=kinds).exists()
    if found:
        request.session["factor"] = True
    return found


def _to(request: HttpRequest, name: str, sentence: str) -> HttpResponse:
    if wants_json(request):
        return problem_response(403, "policy", sentence)
    messages.warning(request, sentence)
    answer = redirect(name)
    if request.htmx if hasattr(request, "htmx") else "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": answer["Location"]})
    return answer


class TenantLengthValidator:
    """A new password is as long as the strictest of a person's companies asks."""

    def validate(self, password: str, user: User | None = None) -> None:
        least = self._least(user)
        if len(password) < least:
            words = ngettext(
                "This password is too short: it needs at least %(least)d character.",
                "This password is too short: it needs at least %(least)d characters.",
                least,
            )
            raise ValidationError(words % {"least": least}, code="password_too_short")

    def _least(self, user: User | None) -> int:
        companies = Tenant.objects.filter(schema_name=schema_current())
        if user is not None and not user._state.adding:
            companies = companies | Tenant.objects.filter(memberships__user=user)
        return max(LEAST, companies.aggregate(Max("password_length"))["password_length__max"] or 0)

    def get_help_text(self) -> str:
        return _("At least %(least)d characters.") % {"least": self._least(None)}


def signup_open() -> bool:
    """Whether anybody may make a company here."""
    return bool(settings.SIGNUP)
