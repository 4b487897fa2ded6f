"""From the public host to a person's own company: a ticket that logs in there, with what has been proven here."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
)
from allauth.account.internal.userkit import user_id_to_str
from allauth.account.stages import LoginStage
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from apps.tenants.hosts import is_platforms
from apps.tenants.models import Tenant, User
from apps.tenants.selectors import membership_of, memberships_of, tenant_host
from apps.tenants.staff import HOME, PATHS

TICKET_SALT = "meridian.login-ticket"
TICKET_SECONDS = 60


class HandoverStage(LoginStage):
    """The last stage of a log-in. On the public host: on to the person's company; staff without one, or on their way to
    the platform's pages, log in here.

    On a tenant's host, whoever got so far by a passkey has to work there, too.
    """

    key = "meridian_handover"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        tenant, user = self.request.tenant, self.login.user
        if tenant is not None:
            return (_back(self.request), False) if membership_of(user, tenant) is None else (None, True)
        wanted = self.login.redirect_url or "/"
        membership = memberships_of(user).first()
        if user.is_staff and (membership is None or wanted.startswith(PATHS)):
            self.login.redirect_url = HOME if wanted == "/" else wanted
            return None, True
        if membership is None:
            return _back(self.request), False
        return onward(self.request, ticket_url(self.request, user, membership.tenant)), False


def _back(request: HttpRequest) -> HttpResponse:
    messages.error(request, _("This log-in does not belong to this company. Ask one of its admins to invite you."))
    return redirect("login")


def ticket_url(request: HttpRequest, user: User, tenant: Tenant, path: str = "") -> str:
    """An address on the tenant's host that logs `user` in there, once, within a minute, and goes on to `path`."""
    stamp = user.last_login.isoformat() if user.last_login else ""
    proven = get_authentication_records(request, user)
    ticket = signing.dumps([str(user.pk), tenant.schema_name, stamp, proven], salt=TICKET_SALT, compress=True)
    return f"{host_url(request, tenant)}/login/ticket?t={ticket}{f'&next={path}' if path else ''}"


def onward(request: HttpRequest, address: str) -> HttpResponse:
    """From a form on the public host to a company's: to a name of its own, which form-action does not know, by a page between."""
    host = urlsplit(address).hostname or ""
    if is_platforms(host):
        return HttpResponseRedirect(address)
    return render(request, "tenants/onward.html", {"address": address, "host": host})


def host_url(request: HttpRequest, tenant: Tenant) -> str:
    """The tenant's own host, reached as the one that is asked now."""
    port = request.get_host().partition(":")[2]
    return f"{request.scheme}://{tenant_host(tenant)}{f':{port}' if port else ''}"


def ticket_spend(request: HttpRequest, ticket: str) -> bool:
    """Logs in by a ticket of ticket_url, which the log-in spends: it moves last_login on. False when it is not good."""
    try:
        pk, schema, stamp, proven = signing.loads(ticket, salt=TICKET_SALT, max_age=TICKET_SECONDS)
    except (signing.BadSignature, ValueError):
        return False
    user = User.objects.filter(pk=UUID(pk), is_active=True).first()
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    current = user.last_login.isoformat() if user and user.last_login else ""
    if user is None or schema != tenant.schema_name or stamp != current:
        return False
    log_in(request, user, proven)
    return True


def log_in(request: HttpRequest, user: User, proven: list[dict[str, Any]]) -> None:
    """Starts a session, which the person finds in their list of sessions."""
    get_adapter().login(request, user)
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = proven
    request.session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = user_id_to_str(user)
    UserSession.objects.create_from_request(request)
