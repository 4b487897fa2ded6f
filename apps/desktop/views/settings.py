"""Teams and canned responses, for those who direct the desktop."""

from collections.abc import Callable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.desktop.errors import DeskError
from apps.desktop.forms_settings import CannedForm, TeamForm, slug_free, team_initial
from apps.desktop.models import CannedResponse, Team
from apps.desktop.selectors import teams_all
from apps.desktop.selectors.people import SUPERVISORS, colleagues_all
from apps.desktop.services.canned import canned_delete, canned_set
from apps.desktop.services.team import team_create, team_delete, team_update
from apps.tenants.access import role_required

settings_required = role_required(*SUPERVISORS)
editing = require_http_methods(["GET", "POST"])


@require_GET
@settings_required
def teams(request: HttpRequest) -> HttpResponse:
    people = colleagues_all()
    rows = [{"team": team, "people": [one for one in people if team.slug in one.teams]} for team in teams_all()]
    return render(request, "settings/teams.html", {"section": "settings", "tab": "teams", "rows": rows})


@editing
@settings_required
def team_edit(request: HttpRequest, team_id: UUID | None = None) -> HttpResponse:
    """Makes a team, or changes one."""
    team = _team(team_id) if team_id else None
    form = TeamForm(request.POST or None, team=team, initial=team_initial(team) if team else None)
    if form.is_valid() and _saved(form, lambda: _team_save(team, form)):
        messages.success(request, _("Saved."))
        return redirect("teams")
    context = {"section": "settings", "tab": "teams", "form": form, "team": team}
    return render(request, "settings/team.html", context, status=422 if form.errors else 200)


def _team_save(team: Team | None, form: TeamForm) -> None:
    if team is None:
        team_create(slug=slug_free(form.cleaned_data["name"]), **form.values)
    else:
        team_update(team=team, **form.values)


@require_POST
@settings_required
def team_remove(request: HttpRequest, team_id: UUID) -> HttpResponse:
    team = _team(team_id)
    team_delete(team=team)
    messages.success(request, _("%(name)s is deleted. Its conversations stay, for everybody.") % {"name": team.name})
    return redirect("teams")


def _team(team_id: UUID) -> Team:
    team = Team.objects.filter(pk=team_id).first()
    if team is None:
        raise Http404("There is no such team.")
    return team


@require_GET
@settings_required
def responses(request: HttpRequest) -> HttpResponse:
    context = {"section": "settings", "tab": "responses", "rows": CannedResponse.objects.all()}
    return render(request, "settings/responses.html", context)


@editing
@settings_required
def response_edit(request: HttpRequest, response_id: int | None = None) -> HttpResponse:
    """Makes a canned response, or changes one."""
    canned = _canned(response_id) if response_id else None
    initial = {"shortcut": canned.shortcut, "title": canned.title, "text": canned.text} if canned else None
    form = CannedForm(request.POST or None, initial=initial)
    if form.is_valid() and _free(form, canned) and _saved(form, lambda: canned_set(canned=canned, **form.cleaned_data)):
        messages.success(request, _("Saved."))
        return redirect("responses")
    context = {"section": "settings", "tab": "responses", "form": form, "canned": canned}
    return render(request, "settings/response.html", context, status=422 if form.errors else 200)


def _free(form: CannedForm, canned: CannedResponse | None) -> bool:
    """A new one never replaces another by the same shortcut."""
    holder = CannedResponse.objects.filter(shortcut=form.cleaned_data["shortcut"]).first()
    if holder is not None and holder != canned:
        form.add_error("shortcut", _("This shortcut is taken. Choose another."))
        return False
    return True


@require_POST
@settings_required
def response_remove(request: HttpRequest, response_id: int) -> HttpResponse:
    canned = _canned(response_id)
    canned_delete(canned=canned)
    messages.success(request, _("/%(shortcut)s is deleted.") % {"shortcut": canned.shortcut})
    return redirect("responses")


def _canned(response_id: int) -> CannedResponse:
    canned = CannedResponse.objects.filter(pk=response_id).first()
    if canned is None:
        raise Http404("There is no such canned response.")
    return canned


def _saved(form: forms.Form, save: Callable[[], object]) -> bool:
    """Runs the service; what it refuses stands above the form."""
    try:
        save()
    except DeskError as error:
        form.add_error(None, str(error))
    except ValidationError as error:
        form.add_error(None, " ".join(error.messages))
    return not form.errors
