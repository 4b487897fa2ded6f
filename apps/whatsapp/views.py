"""The tenant's WhatsApp numbers: which agent or team answers each, and when."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.compass.selectors import agent_names
from apps.core.errors import PermanentError
from apps.desktop.selectors import teams_all
from apps.tenants.access import role_required
from apps.tenants.models import Role
from apps.whatsapp.forms import NumberForm, number_initial
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.services.numbers import mapping_set

admins = role_required(Role.OWNER, Role.ADMIN)
SECTION = {"section": "settings", "tab": "numbers"}


@require_GET
@admins
def numbers(request: HttpRequest) -> HttpResponse:
    mappings = list(AgentPhoneMapping.objects.order_by("label", "display_number", "phone_number_id"))
    agents = agent_names([mapping.agent_id for mapping in mappings if mapping.agent_id])
    teams = {team.slug: team.name for team in teams_all()}
    rows = [
        {"number": one, "agent": agents.get(one.agent_id, "") if one.agent_id else "", "team": teams.get(one.team, "")}
        for one in mappings
    ]
    context = {**SECTION, "rows": rows, "webhook": f"{settings.PUBLIC_URL}/meta/webhook"}
    return render(request, "whatsapp/numbers.html", context)


@require_http_methods(["GET", "POST"])
@admins
def number_edit(request: HttpRequest, mapping_id: UUID | None = None) -> HttpResponse:
    """Maps a number, or changes its mapping. Its id at Meta stays."""
    mapping = _mapping(mapping_id) if mapping_id else None
    given = request.POST.copy() if request.method == "POST" else None
    if given is not None and mapping is not None:
        given["phone_number_id"] = mapping.phone_number_id
    form = NumberForm(given, initial=number_initial(mapping) if mapping else None)
    if form.is_valid() and _fresh(form, mapping) and _saved(form):
        messages.success(request, _("Saved."))
        return redirect("whatsapp-numbers")
    context = {**SECTION, "form": form, "mapping": mapping}
    return render(request, "whatsapp/number.html", context, status=422 if form.errors else 200)


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


def _saved(form: NumberForm) -> bool:
    try:
        mapping_set(**form.values)
    except PermanentError as error:
        form.add_error(None, str(error))
    return not form.errors
