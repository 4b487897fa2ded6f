"""Who works here, by whom they are invited, and joining."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.errors import PermanentError
from apps.tenants.access import ADMINS, role_required
from apps.tenants.forms import PersonForm
from apps.tenants.limits import invitation_refusal
from apps.tenants.login import log_in
from apps.tenants.models import Invitation, Membership, Role, User
from apps.tenants.seats import seat_missing
from apps.tenants.selectors import membership_of, people_of
from apps.tenants.services_people import (
    PeopleError,
    invitation_accept,
    invitation_create,
    invitation_of,
    invitation_resend,
    invitation_withdraw,
    person_activate,
    person_deactivate,
    person_remove,
    role_change,
)

admins = role_required(*ADMINS)
HERE = {"section": "settings", "tab": "people"}


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices, initial=Role.AGENT)
    seat_price = forms.DecimalField(required=False, widget=forms.HiddenInput)


@require_GET
@admins
def people(request: HttpRequest) -> HttpResponse:
    return _page(request, InviteForm())


@require_POST
@admins
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST)
    if form.is_valid() and _not_too_many(request, form):
        try:
            invitation_create(tenant=request.tenant, by=request.user, address=_address(request), **form.cleaned_data)  # type: ignore[attr-defined,arg-type]
        except PermanentError as error:  # also of whoever sells seats
            form.add_error("email", str(error))
    if form.errors:
        return _page(request, form)
    messages.success(request, _("The invitation is on its way to %(email)s.") % form.cleaned_data)
    return redirect("people")


def _not_too_many(request: HttpRequest, form: InviteForm) -> bool:
    refusal = invitation_refusal(request, request.tenant, form.cleaned_data["email"])  # type: ignore[attr-defined]
    if refusal:
        form.add_error("email", refusal)
    return not refusal


def _page(request: HttpRequest, form: InviteForm) -> HttpResponse:
    tenant = request.tenant  # type: ignore[attr-defined]
    context = {
        **HERE,
        "rows": people_of(tenant),
        "invitations": Invitation.objects.filter(tenant=tenant).select_related("invited_by"),
        "form": form,
        "seat": seat_missing(tenant),
        "roles": Role.choices,
    }
    return render(request, "people/list.html", context, status=422 if form.errors else 200)


def _address(request: HttpRequest) -> str:
    """Where an invitation's link leads, up to the token."""
    return request.build_absolute_uri(reverse("join", args=["x"]))[:-1]


@require_POST
@admins
def role(request: HttpRequest, membership_id: int) -> HttpResponse:
    wanted = request.POST.get("role", "")
    if wanted not in Role.values:
        raise Http404("There is no such role.")
    membership = _membership(request, membership_id)
    sentence = _("%(name)s is now %(role)s.") % {"name": membership.user, "role": Role(wanted).label}
    return _told(request, sentence, lambda: role_change(membership=membership, role=wanted, by=request.user))  # type: ignore[arg-type]


@require_POST
@admins
def remove(request: HttpRequest, membership_id: int) -> HttpResponse:
    membership = _membership(request, membership_id)
    sentence = _("%(name)s has no access any more and is logged out.") % {"name": membership.user}
    return _told(request, sentence, lambda: person_remove(membership=membership, by=request.user))  # type: ignore[arg-type]


@require_POST
@admins
def deactivate(request: HttpRequest, membership_id: int) -> HttpResponse:
    membership = _membership(request, membership_id)
    sentence = _("%(name)s is let in no more, until you activate them again.") % {"name": membership.user}
    return _told(request, sentence, lambda: person_deactivate(membership=membership, by=request.user))  # type: ignore[arg-type]


@require_POST
@admins
def activate(request: HttpRequest, membership_id: int) -> HttpResponse:
    membership = _membership(request, membership_id)
    sentence = _("%(name)s can log in again.") % {"name": membership.user}
    return _told(request, sentence, lambda: person_activate(membership=membership, by=request.user))  # type: ignore[arg-type]


@require_POST
@admins
def resend(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    if refusal := invitation_refusal(request, invitation.tenant, invitation.email):
        messages.error(request, refusal)
        return redirect("people")
    sentence = _("A new link is on its way to %(email)s.") % {"email": invitation.email}
    return _told(request, sentence, lambda: invitation_resend(invitation=invitation, address=_address(request)))


@require_POST
@admins
def withdraw(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    sentence = _("The invitation of %(email)s is withdrawn.") % {"email": invitation.email}
    return _told(request, sentence, lambda: invitation_withdraw(invitation=invitation))


def _told(request: HttpRequest, sentence: str, run: Callable[[], Any]) -> HttpResponse:
    """Says what was done, or what the service refused."""
    try:
        run()
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, sentence)
    return redirect("people")


def _membership(request: HttpRequest, pk: int) -> Membership:
    found = Membership.everyone.select_related("user", "tenant").filter(pk=pk, tenant=request.tenant).first()  # type: ignore[attr-defined]
    if found is None:
        raise Http404("There is no such person here.")
    return found


def _invitation(request: HttpRequest, pk: UUID) -> Invitation:
    found = Invitation.objects.select_related("tenant", "invited_by").filter(pk=pk, tenant=request.tenant).first()  # type: ignore[attr-defined]
    if found is None:
        raise Http404("There is no such invitation.")
    return found


@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind an invitation's link: a new person chooses a password, one with a log-in gives it."""
    try:
        return _join(request, invitation_of(token, request.tenant))  # type: ignore[attr-defined]
    except PeopleError as error:
        return render(request, "people/join_over.html", {"sentence": str(error)}, status=410)


def _join(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Raises PeopleError where the invitation is gone meanwhile."""
    known = User.objects.filter(email=invitation.email).first()
    if known is not None:
        return _join_known(request, invitation, known)
    if invitation.tenant.sso_required and invitation.role != Role.OWNER:
        messages.info(
            request, _("Log in by your company's single sign-on, with %(email)s, to join.") % {"email": invitation.email}
        )
        return redirect("login")
    form = PersonForm(request.POST or None, initial={"email": invitation.email})
    if form.is_valid() and _not_too_often(request, form):
        made = invitation_accept(invitation=invitation, **form.cleaned_data)
        log_in(request, made.user, [])
        return redirect("/")
    return _join_page(request, invitation, form)


def _join_known(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    """Only whoever is logged in as the invited person may accept, so a mail read by others gives nothing away."""
    if membership_of(user, invitation.tenant) is not None:
        invitation_withdraw(invitation=invitation)
        return redirect("/")
    if request.user == user:
        if request.method == "POST":
            invitation_accept(invitation=invitation, user=user)
            return redirect("/")
        return _join_page(request, invitation, None)
    form = PasswordForm(request.POST or None, request=request, email=user.email)
    if form.is_valid() and form.user is not None:
        invitation_accept(invitation=invitation, user=form.user)
        messages.success(request, _("You have joined %(company)s. Log in to begin.") % {"company": invitation.tenant})
        return redirect("login")
    return _join_page(request, invitation, form)


class PasswordForm(forms.Form):
    """The password of a log-in that is there already."""

    password = forms.CharField(
        label=gettext_lazy("Your Meridian password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    user: User | None = None

    def __init__(self, *args: Any, request: HttpRequest, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.email = request, email

    def clean_password(self) -> str:
        """Guessing is slowed down as at the log-in."""
        from allauth.account.adapter import get_adapter

        given = str(self.cleaned_data["password"])
        self.user = get_adapter().authenticate(self.request, email=self.email, password=given)
        if self.user is None:
            raise forms.ValidationError(_("This is not the password of %(email)s. Try again.") % {"email": self.email})
        return given


def _not_too_often(request: HttpRequest, form: forms.Form) -> bool:
    if ratelimit.consume(request, action="company_signup"):
        return True
    form.add_error(None, _("There were many new log-ins from your network just now. Try again in an hour."))
    return False


def _join_page(request: HttpRequest, invitation: Invitation, form: forms.Form | None) -> HttpResponse:
    context = {"invitation": invitation, "form": form}
    return render(request, "people/join.html", context, status=422 if form is not None and form.errors else 200)
