"""Numbers of every channel in one list, and what an admin does with phone numbers."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.calls.forms_numbers import PhoneNumberForm, phone_initial
from apps.calls.models import PhoneNumber, SipTrunk
from apps.calls.numbers import number_normalise
from apps.calls.services.numbers import number_delete, number_set
from apps.core.errors import PermanentError
from apps.desktop.numbers import numbers_all
from apps.tenants.access import ADMINS, MANAGERS, role_required

admins = role_required(*ADMINS)
SECTION = {"section": "numbers"}


@require_GET
@role_required(*MANAGERS)
def numbers(request: HttpRequest) -> HttpResponse:
    """Every number and trunk; only admins get ways to change them."""
    may_change = request.membership.role in ADMINS  # type: ignore[attr-defined]
    context = {**SECTION, "rows": numbers_all(), "trunks": SipTrunk.objects.all(), "may_change": may_change}
    return render(request, "numbers/list.html", {**context, "webhook": f"{settings.PUBLIC_URL}/meta/webhook"})


@require_http_methods(["GET", "POST"])
@admins
def phone_edit(request: HttpRequest, number_id: UUID | None = None) -> HttpResponse:
    """Adds a number, or changes who answers it; the number itself stays."""
    number = _number(number_id) if number_id else None
    given = request.POST.copy() if request.method == "POST" else None
    if given is not None and number is not None:
        given["number"] = number.number
    form = PhoneNumberForm(given, initial=_initial(request, number))
    if form.is_valid() and _fresh(request, form, number) and _saved(form):
        messages.success(request, _("Saved."))
        return redirect("numbers")
    return render(request, "numbers/phone.html", {**SECTION, "form": form, "number": number}, status=422 if form.errors else 200)


@require_POST
@admins
def phone_delete(request: HttpRequest, number_id: UUID) -> HttpResponse:
    number = _number(number_id)
    number_delete(number=number)
    messages.success(request, _("%(number)s is deleted. Whoever calls it hears that it is not in service.") % {"number": number})
    return redirect("numbers")


def _initial(request: HttpRequest, number: PhoneNumber | None) -> dict[str, object]:
    return phone_initial(number) if number else {"number": request.GET.get("number", ""), "ringback": "answer"}


def _number(number_id: UUID) -> PhoneNumber:
    number = PhoneNumber.objects.filter(pk=number_id).first()
    if number is None:
        raise Http404("There is no such number.")
    return number


def _fresh(request: HttpRequest, form: PhoneNumberForm, number: PhoneNumber | None) -> bool:
    normal = number_normalise(form.cleaned_data["number"], request.tenant.country)  # type: ignore[attr-defined]
    if number is None and PhoneNumber.objects.filter(number=normal).exists():
        form.add_error("number", _("This number is in the list already. Open it there to change it."))
    return not form.errors


def _saved(form: PhoneNumberForm) -> bool:
    try:
        number_set(**form.values)
    except PermanentError as error:
        form.add_error(None, str(error))
    return not form.errors
