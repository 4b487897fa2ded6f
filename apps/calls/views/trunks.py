"""SIP trunks: set up in one form, checked, explained step by step, deleted."""

from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.calls.forms_numbers import TrunkFacts, TrunkForm
from apps.calls.models import SipTrunk
from apps.calls.services.trunk_setup import trunk_check, trunk_setup
from apps.calls.services.trunks import sip_trunk_change, sip_trunk_delete, sip_trunk_password_renew
from apps.core.errors import MeridianError
from apps.tenants.access import ADMINS, MANAGERS, role_required

admins = role_required(*ADMINS)
managers = role_required(*MANAGERS)
SECTION = {"section": "numbers"}


@never_cache
@require_http_methods(["GET", "POST"])
@admins
def trunk_new(request: HttpRequest) -> HttpResponse:
    """Makes the trunk; the answer shows its password, once, and what to do at the exchange."""
    form = TrunkForm(request.POST or None)
    if form.is_valid():
        try:
            trunk, password = _made(form)
        except MeridianError as error:
            form.add_error(None, str(error))
        else:
            return render(request, "numbers/trunk.html", {**_context(request, trunk), "password": password})
    return render(request, "numbers/trunk_new.html", {**SECTION, "form": form}, status=422 if form.errors else 200)


def _made(form: TrunkForm) -> tuple[SipTrunk, str]:
    given = form.cleaned_data
    by_address = given["way"] == "address"
    return trunk_setup(
        name=given["name"],
        numbers=form.lines("numbers"),
        addresses=form.lines("addresses") if by_address else (),
        username="" if by_address else given["username"],
        agent_id=given["agent"] or None,
    )


@require_GET
@managers
def trunk(request: HttpRequest, trunk_id: UUID) -> HttpResponse:
    return render(request, "numbers/trunk.html", _context(request, _trunk(trunk_id)))


@require_http_methods(["GET", "POST"])
@admins
def trunk_edit(request: HttpRequest, trunk_id: UUID) -> HttpResponse:
    """Changes name, addresses and numbers, here and in LiveKit or not at all."""
    found = _trunk(trunk_id)
    initial = {"name": found.name, "addresses": "\n".join(found.allowed_addresses), "numbers": "\n".join(found.numbers)}
    form = TrunkFacts(request.POST or None, initial=initial)
    if form.is_valid():
        name, numbers, addresses = form.cleaned_data["name"], form.lines("numbers"), form.lines("addresses")
        try:
            sip_trunk_change(trunk=found, name=name, numbers=numbers, allowed_addresses=addresses)
        except MeridianError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(name)s is changed. Calls that run go on.") % {"name": found.name})
            return redirect("trunk", trunk_id)
    context = {**SECTION, "form": form, "trunk": found}
    return render(request, "numbers/trunk_edit.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
@admins
def trunk_password(request: HttpRequest, trunk_id: UUID) -> HttpResponse:
    """Makes a new password; the answer shows it, and nothing ever shows it again."""
    found = _trunk(trunk_id)
    try:
        password = sip_trunk_password_renew(trunk=found)
    except MeridianError as error:
        messages.error(request, str(error))
        return redirect("trunk", trunk_id)
    return render(request, "numbers/trunk.html", {**_context(request, found), "password": password})


@require_GET
@managers
def trunk_checked(request: HttpRequest, trunk_id: UUID) -> HttpResponse:
    """The connection check; asked for once the page is there, since LiveKit may take its time."""
    found = _trunk(trunk_id)
    return render(request, "numbers/check.html", {"trunk": found, "findings": trunk_check(found)})


@require_POST
@admins
def trunk_delete(request: HttpRequest, trunk_id: UUID) -> HttpResponse:
    found = _trunk(trunk_id)
    try:
        sip_trunk_delete(trunk=found)
    except MeridianError as error:
        messages.error(request, str(error))
        return redirect("trunk", trunk_id)
    messages.success(request, _("%(name)s is deleted. Its numbers stay in the list.") % {"name": found.name})
    return redirect("numbers")


def _context(request: HttpRequest, found: SipTrunk) -> dict[str, object]:
    """`host` is where the exchange sends its calls; livekit/sip runs beside LiveKit unless somebody placed it elsewhere."""
    host = urlsplit(settings.LIVEKIT_PUBLIC_URL).hostname or settings.PUBLIC_HOST
    may_change = request.membership.role in ADMINS  # type: ignore[attr-defined]
    return {**SECTION, "trunk": found, "host": host, "first": (found.numbers or ["801"])[0], "may_change": may_change}


def _trunk(trunk_id: UUID) -> SipTrunk:
    found = SipTrunk.objects.filter(pk=trunk_id).first()
    if found is None:
        raise Http404("There is no such trunk.")
    return found
