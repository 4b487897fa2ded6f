"""The tenant's accounts at providers, and the secrets of its tools. Values go in and never come out."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.compass.forms_focus import FocusedForm
from apps.compass.provider_checks import Verdict
from apps.compass.selectors.tools import accounts, secrets_listed
from apps.compass.services.credentials import (
    PROVIDERS,
    BadKey,
    BadName,
    credential_check,
    credential_delete,
    credential_set,
    secret_delete,
    secret_set,
)
from apps.core.errors import PermanentError
from apps.tenants.access import ADMINS, role_required

TITLES = {"openai": "OpenAI", "deepgram": "Deepgram", "elevenlabs": "ElevenLabs"}
USES = {
    "openai": gettext_lazy("Language models, speech recognition and voices; also every server that speaks OpenAI's API."),
    "deepgram": gettext_lazy("Speech recognition."),
    "elevenlabs": gettext_lazy("Voices."),
}
PAGE = {"section": "settings", "tab": "providers"}
editing = require_http_methods(["GET", "POST"])
hidden = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"})


class CredentialForm(FocusedForm):
    """Write-only: it never begins with what is stored."""

    api_key = forms.CharField(label=gettext_lazy("API key"), max_length=500, widget=hidden)
    base_url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=300,
        required=False,
        help_text=gettext_lazy("Leave it empty for the provider's own."),
    )


class SecretForm(FocusedForm):
    """A secret of the tools."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=64, help_text=gettext_lazy("Headers of tools name it as {secret:NAME}.")
    )
    value = forms.CharField(label=gettext_lazy("Value"), max_length=2_000, widget=hidden, strip=False)


@require_GET
@role_required(*ADMINS)
def providers(request: HttpRequest) -> HttpResponse:
    rows = [{"account": one, "title": TITLES[one.provider], "use": USES[one.provider]} for one in accounts(PROVIDERS)]
    return render(request, "compass/providers/list.html", {**PAGE, "rows": rows, "secrets": secrets_listed()})


@sensitive_post_parameters("api_key")
@editing
@role_required(*ADMINS)
def provider_edit(request: HttpRequest, provider: str) -> HttpResponse:
    """Enters or replaces the key of one provider."""
    (account,) = accounts((_known(provider),))
    form = CredentialForm(request.POST or None, initial={"base_url": account.base_url})
    if form.is_valid():
        try:
            credential_set(provider=provider, **form.cleaned_data)
            messages.success(request, _("Saved. Check it to be sure that it works."))
            return redirect("providers")
        except PermanentError as error:
            form.add_error("api_key" if isinstance(error, BadKey) else "base_url", str(error))
    context = {**PAGE, "form": form, "account": account, "title": TITLES[provider]}
    return render(request, "compass/providers/edit.html", context, status=422 if form.errors else 200)


@require_POST
@role_required(*ADMINS)
def provider_try(request: HttpRequest, provider: str) -> HttpResponse:
    """Really asks the provider."""
    try:
        verdict = credential_check(provider=_known(provider))
    except PermanentError as error:
        verdict = Verdict(False, str(error))
    return render(request, "compass/providers/verdict.html", {"verdict": verdict})


@require_POST
@role_required(*ADMINS)
def provider_remove(request: HttpRequest, provider: str) -> HttpResponse:
    credential_delete(provider=_known(provider))
    messages.success(request, _("The key of %(name)s is removed.") % {"name": TITLES[provider]})
    return redirect("providers")


@sensitive_post_parameters("value")
@editing
@role_required(*ADMINS)
def secret_edit(request: HttpRequest, name: str | None = None) -> HttpResponse:
    """Enters a secret, or replaces its value."""
    form = SecretForm(request.POST or None, initial={"name": name})
    form.fields["name"].disabled = name is not None  # another name would be another secret
    if form.is_valid():
        try:
            secret_set(**form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("providers")
        except PermanentError as error:
            form.add_error("name" if isinstance(error, BadName) else "value", str(error))
    context = {**PAGE, "form": form, "name": name}
    return render(request, "compass/providers/secret.html", context, status=422 if form.errors else 200)


@require_POST
@role_required(*ADMINS)
def secret_remove(request: HttpRequest, name: str) -> HttpResponse:
    try:
        secret_delete(name=name)
        messages.success(request, _("%(name)s is removed.") % {"name": name})
    except PermanentError as error:
        messages.error(request, str(error))
    return redirect("providers")


def _known(provider: str) -> str:
    if provider not in PROVIDERS:
        raise Http404("There is no such provider.")
    return provider
