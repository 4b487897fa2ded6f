"""Log-in, its hand-over from the public host to a company's, and the public host's front page."""

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from apps.tenants.forms import LoginForm
from apps.tenants.login import host_url, ticket_spend, ticket_url
from apps.tenants.models import User
from apps.tenants.policy import session_by_provider, session_too_weak, signup_open
from apps.tenants.selectors import membership_of, memberships_of
from apps.tenants.sso import sso_of
from apps.tenants.suspension import suspension_sentence


class PasswordLogin(LoginView):
    """E-mail and password; a second factor, where there is one, comes after."""

    template_name = "tenants/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = False

    def refusal(self, user: User) -> str:
        """Why this person may not log in here, or nothing."""
        raise NotImplementedError

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if sentence := self.refusal(user):
            form.add_error(None, sentence)
            return self.form_invalid(form)
        login = Login(user=user, email=user.email, redirect_url=self.get_success_url())
        return perform_password_login(self.request, {"email": user.email}, login)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "signup_open": signup_open()}


class TenantLogin(PasswordLogin):
    """Log-in on a tenant's own host."""

    def refusal(self, user: User) -> str:
        membership = membership_of(user, self.request.tenant)  # type: ignore[attr-defined]
        if membership is None:
            return str(LoginForm.error_messages["invalid_login"])
        if session_too_weak({}, membership):
            return _("%(company)s asks for its single sign-on. Log in with it above.") % {"company": membership.tenant}
        return ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "sso": sso_of(self.request.tenant)}  # type: ignore[attr-defined]


class PublicLogin(PasswordLogin):
    """Log-in on the public host: the person goes on to their own company's host with a one-minute ticket."""

    def refusal(self, user: User) -> str:
        if user.is_staff or memberships_of(user).exists():
            return ""
        return suspension_sentence(user) or _("This log-in belongs to no company yet. Ask whoever invited you to add you.")

    def get_success_url(self) -> str:
        return self.get_redirect_url() or "/"


logout_view = LogoutView.as_view()


def login_ticket(request: HttpRequest) -> HttpResponse:
    """Takes a ticket of ticket_url."""
    if not ticket_spend(request, request.GET.get("t", "")):
        return redirect("login")
    target = request.GET.get("next", "/")
    return redirect(target if url_has_allowed_host_and_scheme(target, {request.get_host()}) else "/")


def switch_tenant(request: HttpRequest, slug: str) -> HttpResponse:
    """From the tenant switcher: on to another company of the same person."""
    if not request.user.is_authenticated:
        return redirect("login")
    membership = memberships_of(request.user).filter(tenant__schema_name=slug).first()  # type: ignore[arg-type]
    if membership is None:
        return redirect("/")
    if session_by_provider(request.session):  # which vouches for its own company only
        return HttpResponseRedirect(f"{host_url(request, membership.tenant)}/login")
    return HttpResponseRedirect(ticket_url(request, request.user, membership.tenant))  # type: ignore[arg-type]


def home(request: HttpRequest) -> HttpResponse:
    """The public host's front page."""
    return render(request, "tenants/home.html", {"signup_open": signup_open()})
