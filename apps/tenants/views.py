"""Log-in and the public host's front page."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LoginView, LogoutView
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from apps.tenants.forms import LoginForm
from apps.tenants.models import Tenant, User
from apps.tenants.selectors import membership_of, memberships_of, tenant_host

TICKET_SALT = "meridian.login-ticket"
TICKET_SECONDS = 60


class TenantLogin(LoginView):
    """Log-in on a tenant's own host."""

    template_name = "tenants/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = False

    def form_valid(self, form: Any) -> HttpResponse:
        if membership_of(form.get_user(), self.request.tenant) is None:  # type: ignore[attr-defined]
            form.add_error(None, LoginForm.error_messages["invalid_login"])
            return self.form_invalid(form)
        return super().form_valid(form)


class PublicLogin(LoginView):
    """Log-in on the public host: the person goes on to their own company's host with a one-minute ticket."""

    template_name = "tenants/login.html"
    authentication_form = LoginForm

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        membership = memberships_of(user).first()
        if membership is not None:
            return HttpResponseRedirect(ticket_url(self.request, user, membership.tenant))
        if user.is_staff:
            login(self.request, user)
            return redirect("admin:index")
        form.add_error(None, "This log-in belongs to no company yet. Ask whoever invited you to add you.")
        return self.form_invalid(form)


logout_view = LogoutView.as_view()


def ticket_url(request: HttpRequest, user: User, tenant: Tenant) -> str:
    """An address on the tenant's host that logs `user` in there, once, within a minute."""
    stamp = user.last_login.isoformat() if user.last_login else ""
    ticket = signing.dumps([str(user.pk), tenant.schema_name, stamp], salt=TICKET_SALT)
    port = request.get_host().partition(":")[2]
    host = tenant_host(tenant) + (f":{port}" if port else "")
    return f"{request.scheme}://{host}/login/ticket?t={ticket}"


def login_ticket(request: HttpRequest) -> HttpResponse:
    """Takes a ticket of ticket_url; it is spent by the log-in, which moves last_login on."""
    try:
        pk, schema, stamp = signing.loads(request.GET.get("t", ""), salt=TICKET_SALT, max_age=TICKET_SECONDS)
    except signing.BadSignature:
        return redirect("login")
    user = User.objects.filter(pk=pk, is_active=True).first()
    current = user.last_login.isoformat() if user and user.last_login else ""
    if user is None or schema != request.tenant.schema_name or stamp != current:  # type: ignore[attr-defined]
        return redirect("login")
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    target = request.GET.get("next", "/")
    return redirect(target if url_has_allowed_host_and_scheme(target, {request.get_host()}) else "/")


def switch_tenant(request: HttpRequest, slug: str) -> HttpResponse:
    """From the tenant switcher: on to another company of the same person."""
    if not request.user.is_authenticated:
        return redirect("login")
    membership = memberships_of(request.user).filter(tenant__schema_name=slug).first()  # type: ignore[arg-type]
    if membership is None:
        return redirect("/")
    return HttpResponseRedirect(ticket_url(request, request.user, membership.tenant))  # type: ignore[arg-type]


def home(request: HttpRequest) -> HttpResponse:
    """The public host's front page."""
    return render(request, "tenants/home.html")
