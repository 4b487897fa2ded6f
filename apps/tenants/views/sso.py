"""Single sign-on: an owner sets the company's provider, and people log in by it."""

import re
from typing import Any

import structlog
from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.errors import PermanentError
from apps.tenants.access import role_required
from apps.tenants.models import Domain, Role, SingleSignOn, Tenant
from apps.tenants.models_sso import NEW_ROLES
from apps.tenants.oidc import SsoError
from apps.tenants.services_sso import SsoSettingError, sso_check, sso_remove, sso_require, sso_set
from apps.tenants.sso import flow_begin, flow_finish, sso_of

log = structlog.get_logger(__name__)
owners = role_required(Role.OWNER)


class ProviderForm(forms.Form):
    """A company's provider. The secret is written and never shown again."""

    label = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=40,
        initial=gettext_lazy("single sign-on"),
        help_text=gettext_lazy("The button says “Log in with …”, such as Okta or your company's name."),
    )
    issuer = forms.CharField(
        label=gettext_lazy("Issuer"),
        max_length=300,
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://login.example.com"}),
        help_text=gettext_lazy("The address before /.well-known/openid-configuration, exactly as the provider calls itself."),
    )
    client_id = forms.CharField(
        label=gettext_lazy("Client ID"), max_length=255, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    client_secret = forms.CharField(
        label=gettext_lazy("Client secret"),
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Stored encrypted and not shown again. Leave it empty to keep the one that is stored."),
    )
    domains = forms.CharField(
        label=gettext_lazy("E-mail domains"),
        max_length=2000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "example.com, example.org"}),
        help_text=gettext_lazy("Only people with a verified address at one of these come in."),
    )
    new_role = forms.ChoiceField(
        label=gettext_lazy("New people"),
        required=False,
        choices=[("", gettext_lazy("Only who works here or is invited")), *NEW_ROLES],
        help_text=gettext_lazy("The role of whoever the provider lets in and who has no log-in yet."),
    )

    def clean_domains(self) -> list[str]:
        return [one for one in re.split(r"[\s,;]+", str(self.cleaned_data["domains"]).lower()) if one]


@require_http_methods(["GET", "POST"])
@owners
def edit(request: HttpRequest) -> HttpResponse:
    """Saving checks as well, so that nobody finds out at the log-in."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    row = SingleSignOn.objects.select_related("tenant").filter(tenant=tenant).first()
    form = ProviderForm(request.POST or None, initial=_initial(row))
    if form.is_valid():
        try:
            row = sso_set(tenant=tenant, **form.cleaned_data)
        except SsoSettingError as error:
            form.add_error(error.field, str(error))
        else:
            return _checked(request, row)
    return _page(request, row, form)


def _initial(row: SingleSignOn | None) -> dict[str, Any]:
    if row is None:
        return {}
    shown = {name: getattr(row, name) for name in ("label", "issuer", "client_id", "new_role")}
    return {**shown, "domains": ", ".join(row.domains)}


def _page(request: HttpRequest, row: SingleSignOn | None, form: ProviderForm) -> HttpResponse:
    context = {
        "section": "settings",
        "tab": "security",
        "form": form,
        "sso": row,
        "callbacks": callbacks_of(request),
    }
    return render(request, "people/sso.html", context, status=422 if form.errors else 200)


def callbacks_of(request: HttpRequest) -> list[str]:
    """What the provider has to know: the address that it returns to, on each of the company's hosts."""
    port = request.get_host().partition(":")[2]
    hosts = Domain.objects.filter(tenant=request.tenant).order_by("-is_primary", "domain")  # type: ignore[attr-defined]
    path = reverse("sso-callback")
    return [f"{request.scheme}://{one.domain}{f':{port}' if port else ''}{path}" for one in hosts]


@require_POST
@owners
def check(request: HttpRequest) -> HttpResponse:
    return _checked(request, _row(request))


def _checked(request: HttpRequest, row: SingleSignOn) -> HttpResponse:
    if problem := sso_check(sso=row):
        messages.error(request, problem)
    else:
        messages.success(request, _("The provider answers as it should. The log-in page offers it."))
    return redirect("single-sign-on")


@require_POST
@owners
def only(request: HttpRequest) -> HttpResponse:
    """Switches “only single sign-on” on or off."""
    wanted = request.POST.get("required") == "on"
    try:
        sso_require(tenant=request.tenant, by=request.user, required=wanted)  # type: ignore[attr-defined,arg-type]
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        said = _("Everybody but owners logs in by single sign-on now.") if wanted else _("Passwords open the company again.")
        messages.success(request, said)
    return redirect("single-sign-on")


@require_POST
@owners
def remove(request: HttpRequest) -> HttpResponse:
    _row(request)
    sso_remove(tenant=request.tenant)  # type: ignore[attr-defined]
    messages.success(request, _("The single sign-on is removed. People log in by password."))
    return redirect("single-sign-on")


def _row(request: HttpRequest) -> SingleSignOn:
    row = SingleSignOn.objects.select_related("tenant").filter(tenant=request.tenant).first()  # type: ignore[attr-defined]
    if row is None:
        raise Http404("There is no single sign-on here.")
    return row


@require_GET
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """From the log-in page to the provider."""
    sso = sso_of(request.tenant)  # type: ignore[attr-defined]
    if sso is None:
        raise Http404("There is no single sign-on here.")
    target = request.GET.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    if not ratelimit.consume(request, action="sso"):
        return _refused(request, _("There were many log-ins from your network just now. Try again in a minute."))
    try:
        return HttpResponseRedirect(flow_begin(request, sso, target))
    except SsoError as error:
        return _refused(request, str(error))


@require_GET
@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Where the provider sends the browser back to."""
    sso = sso_of(request.tenant)  # type: ignore[attr-defined]
    if sso is None:
        raise Http404("There is no single sign-on here.")
    try:
        return HttpResponseRedirect(flow_finish(request, sso))
    except SsoError as error:
        return _refused(request, str(error))


def _refused(request: HttpRequest, sentence: str) -> HttpResponse:
    log.info("sso_refused", sentence=sentence)
    messages.error(request, sentence)
    return redirect("login")
