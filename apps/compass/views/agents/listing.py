"""The list of agents, and how a new one comes into being."""

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.compass.forms_agents import ImportForm, NewAgentForm
from apps.compass.models import Agent
from apps.compass.selectors.versions import agent_rows, version_head
from apps.compass.services import (
    agent_delete,
    agent_disable,
    agent_duplicate,
    agent_enable,
    agent_export,
    agent_import,
    slug_free,
)
from apps.compass.services.config import ConfigInvalid
from apps.compass.services.starting import agent_start
from apps.compass.starters import STARTERS
from apps.compass.views.agents.common import admins, agent_or_404, managers, page, person
from apps.core.errors import PermanentError


@require_GET
@managers
def agents(request: HttpRequest) -> HttpResponse:
    return render(request, "compass/agents/list.html", page(request, rows=agent_rows()))


@require_http_methods(["GET", "POST"])
@admins
def agent_new(request: HttpRequest) -> HttpResponse:
    """From a template, or from nothing."""
    form = _new_form(request, request.POST or None)
    if form.is_valid():
        try:
            return redirect("agent", _made(request, form).slug)
        except PermanentError as error:
            form.add_error(None, str(error))
    context = page(request, form=form, starters=STARTERS.values(), uploads=ImportForm())
    return render(request, "compass/agents/new.html", context, status=422 if form.errors else 200)


def _new_form(request: HttpRequest, data: Any = None) -> NewAgentForm:
    return NewAgentForm(data, initial={"language": request.LANGUAGE_CODE, "starter": next(iter(STARTERS))})


def _made(request: HttpRequest, form: NewAgentForm) -> Agent:
    name, language = form.cleaned_data["name"], form.cleaned_data["language"]
    starter = STARTERS.get(form.cleaned_data["starter"])
    return agent_start(
        starter=starter,
        slug=slug_free(name),
        name=name,
        language=language,
        config={**settings.AGENT_DEFAULTS, **(starter.config(language) if starter else {})},
        created_by=person(request),
    )


@require_POST
@admins
def agent_upload(request: HttpRequest) -> HttpResponse:
    """A document becomes a new agent, or the draft of the one that `into` names."""
    uploads, into = ImportForm(request.POST, request.FILES), request.POST.get("into")
    agent = agent_or_404(into) if into else None
    if uploads.is_valid():
        try:
            draft, notes = agent_import(document=uploads.cleaned_data["document"], agent=agent, created_by=person(request))
        except ConfigInvalid as error:
            uploads.add_error(None, " ".join(error.errors))
        except PermanentError as error:
            uploads.add_error(None, str(error))
        else:
            for note in [_("Imported as a draft."), *notes]:
                messages.info(request, note)
            return redirect("agent", draft.agent.slug)
    context = page(request, form=_new_form(request), starters=STARTERS.values(), uploads=uploads)
    return render(request, "compass/agents/new.html", context, status=422)


@require_GET
@managers
def agent_download(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest state as a document, without any secret."""
    agent = agent_or_404(slug)
    text = json.dumps(agent_export(version_head(agent)), indent=2, ensure_ascii=False)
    return HttpResponse(
        text,
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{agent.slug}.agent.json"'},
    )


@require_POST
@admins
def agent_copy(request: HttpRequest, slug: str) -> HttpResponse:
    agent = agent_or_404(slug)
    name = _("Copy of %(name)s") % {"name": agent.name}
    copy = agent_duplicate(agent=agent, name=name[:120], created_by=person(request))
    messages.success(request, _("%(name)s is a draft: nobody hears it before you publish it.") % {"name": copy.name})
    return redirect("agent", copy.slug)


@require_POST
@admins
def agent_switch(request: HttpRequest, slug: str) -> HttpResponse:
    """Enables or disables."""
    agent = agent_or_404(slug)
    if agent.enabled:
        agent_disable(agent=agent)
        messages.success(request, _("%(name)s takes no new calls. Running ones go on.") % {"name": agent.name})
    else:
        agent_enable(agent=agent)
        messages.success(request, _("%(name)s takes calls again.") % {"name": agent.name})
    return redirect("agents") if request.POST.get("back") == "list" else redirect("agent", slug)


@require_POST
@admins
def agent_remove(request: HttpRequest, slug: str) -> HttpResponse:
    agent = agent_or_404(slug)
    try:
        agent_delete(agent=agent)
    except PermanentError as error:
        messages.error(request, str(error))
        return redirect("agent", slug)
    messages.success(request, _("%(name)s is deleted. Its calls stay.") % {"name": agent.name})
    return redirect("agents")
