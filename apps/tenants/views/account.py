"""A person's own account: where everything about a log-in is found."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.tenants.policy import session_by_provider
from apps.tenants.services import person_rename


class NameForm(forms.Form):
    """What colleagues see."""

    name = forms.CharField(label=gettext_lazy("Your name"), max_length=120)


@login_required
def account_page(request: HttpRequest) -> HttpResponse:
    """The name is changed here; the rest has pages of its own."""
    if session_by_provider(request.session):
        return render(request, "account/by_provider.html")
    user = request.user
    form = NameForm(request.POST or None, initial={"name": user.name})  # type: ignore[union-attr]
    if form.is_valid():
        person_rename(user=user, name=form.cleaned_data["name"])  # type: ignore[arg-type]
        messages.success(request, _("Saved."))
        return redirect("account")
    kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    context = {
        "form": form,
        "verified": EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists(),  # type: ignore[union-attr]
        "app": Authenticator.Type.TOTP in kinds,
        "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
        "codes": Authenticator.Type.RECOVERY_CODES in kinds,
        "sessions": UserSession.objects.filter(user=user).count(),
    }
    return render(request, "account/page.html", context, status=422 if form.errors else 200)
