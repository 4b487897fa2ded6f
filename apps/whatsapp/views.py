"""A WhatsApp number: which agent or team answers it, and when."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.errors import PermanentError
from apps.tenants.access import ADMINS, role_required
from apps.whatsapp.forms import NumberForm, number_initial
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.services.claims import number_claim
from apps.whatsapp.services.numbers import mapping_delete, mapping_set

admins = role_required(*ADMINS)
SECTION = {"section": "numbers"}


@require_http_methods(["GET", "POST"])
@admins
def number_edit(request: HttpRequest, mapping_id: UUID | None = None) -> HttpResponse:
    """Maps a number, or changes its mapping. Its id at Meta stays."""
    mapping = _mapping(mapping_id) if mapping_id else None
    given = request.POST.copy() if request.method == "POST" else None
    if given is not None and mapping is not None:
        given["phone_number_id"] = mapping.phone_number_id
    form = NumberForm(given, initial=number_initial(mapping) if mapping else None)
    if form.is_valid() and _fresh(form, mapping) and _saved(form, new=mapping is None):
        messages.success(request, _("Saved."))
        return redirect("numbers")
    context = {**SECTION, "form": form, "mapping": mapping}
    return render(request, "whatsapp/number.html", context, status=422 if form.errors else 200)


@require_POST
@admins
def number_delete(request: HttpRequest, mapping_id: UUID) -> HttpResponse:
    mapping = _mapping(mapping_id)
    mapping_delete(mapping=mapping)
    messages.success(request, _("%(number)s is deleted. Its conversations stay.") % {"number": mapping})
    return redirect("numbers")


def _mapping(mapping_id: UUID) -> AgentPhoneMapping:
    mapping = AgentPhoneMapping.objects.filter(pk=mapping_id).first()
    if mapping is None:
        raise Http404("There is no such number.")
    return mapping


def _fresh(form: NumberForm, mapping: AgentPhoneMapping | None) -> bool:
    taken = AgentPhoneMapping.objects.filter(phone_number_id=form.cleaned_data["phone_number_id"])
    if mapping is None and taken.exists():
        form.add_error("phone_number_id", _("This number is mapped already. Open it in the list to change it."))
    return not form.errors


def _saved(form: NumberForm, *, new: bool) -> bool:
    try:
        (number_claim if new else mapping_set)(**form.values)
    except PermanentError as error:
        form.add_error(None, str(error))
    return not form.errors
