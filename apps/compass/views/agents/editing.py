"""The editor: one form over all tabs, saved as a draft."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.compass.costs import minute_cost
from apps.compass.diffs import configs_diff
from apps.compass.editor import Editing, panel_current, tabs_all
from apps.compass.forms_agents import PATHS, AgentForm
from apps.compass.models import AgentVersion
from apps.compass.selectors.versions import agent_row, config_whole, people_names, version_head
from apps.compass.services import agent_draft_save, draft_discard
from apps.compass.services.agents import DraftChanged
from apps.compass.services.config import ConfigInvalid
from apps.compass.variables import BUILT_IN, variables_unknown
from apps.compass.views.agents.common import admins, agent_or_404, managers, may_change, page, person
from apps.compass.words import line_named
from apps.core.errors import PermanentError

PLACES = {".".join(path): name for name, path in PATHS.items()} | {
    "llm.fallbacks": "fallbacks",
    "knowledge.top_k": "knowledge_top_k",
    "tools": "tools",
}


@require_GET
@managers
def agent(request: HttpRequest, slug: str) -> HttpResponse:
    """The editor, on the draft or on what is published."""
    row = agent_row(agent_or_404(slug))
    config = config_whole(row.head)
    editing = Editing(request, row.agent, row.head, config, may_change(request))
    form = AgentForm(config=config, language=row.head.language, may_change=editing.may_change)
    tabs = [(tab, tab.context(editing) if tab.context else {}) for tab in tabs_all()]
    panel = panel_current()
    context = page(
        request,
        agent=row.agent,
        row=row,
        editing=editing,
        form=form,
        tabs=tabs,
        tab_titles=[(f"tab-{tab.name}", tab.title, tab.icon) for tab, _context in tabs],
        panel=panel,
        panel_context=panel.context(editing) if panel and panel.context else {},
        variables=BUILT_IN,
        **_facts(config),
    )
    return render(request, "compass/agents/editor.html", context)


@require_POST
@admins
def agent_save(request: HttpRequest, slug: str) -> JsonResponse:
    """Saves the draft. 409 with a comparison where somebody else has saved since `base`; 422 with sentences by field."""
    one = agent_or_404(slug)
    head = version_head(one)
    form = AgentForm(request.POST, config=config_whole(head), language=head.language)
    if not form.is_valid():
        return _refused({name: str(errors[0]) for name, errors in form.errors.items()})
    try:
        config = _with_tabs(form.whole, request)
        draft = agent_draft_save(
            agent=one,
            config=config,
            language=form.cleaned_data["language"],
            created_by=person(request),
            base=request.POST.get("base") or None,
            name=request.POST.get("name", ""),
        )
    except DraftChanged as error:
        mine = {"name": request.POST.get("name", "").strip() or one.name, "language": form.cleaned_data["language"], **config}
        return _overtaken(request, error.theirs, mine)
    except ConfigInvalid as error:
        return _refused(_by_field(error.errors))
    except PermanentError as error:
        return _refused({"": str(error)})
    return JsonResponse({"base": draft.base, "name": draft.agent.name, "facts": _facts_shown(request, draft)})


def _with_tabs(config: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    """What other areas' tabs say about their parts."""
    for tab in tabs_all():
        if tab.read:
            config = {**config, **tab.read(request.POST)}
    return config


def _refused(errors: dict[str, str]) -> JsonResponse:
    return JsonResponse({"errors": errors}, status=422)


def _by_field(sentences: list[str]) -> dict[str, str]:
    """A sentence stands at its field where there is one, and above the form otherwise."""
    found: dict[str, str] = {}
    for sentence in sentences:
        place, _colon, text = sentence.partition(": ")
        name, rest = _field_of(place)
        told = f"{_which(rest)}{text[:1].upper()}{text[1:]}" if name else sentence
        found[name] = " ".join(filter(None, (found.get(name), told)))
    return found


def _field_of(place: str) -> tuple[str, list[str]]:
    """The field in which this place of the configuration, or what it is a part of, is written, and where in it; empty where
    there is none."""
    parts = place.split(".")
    for length in range(len(parts), 0, -1):
        if name := PLACES.get(".".join(parts[:length])):
            return name, parts[length:]
    return (place if place in AgentForm.base_fields else ""), []


def _which(rest: list[str]) -> str:
    """Which of a field's lines it is, by its number or its name; a sentence about a name has that in it."""
    if not rest or "[key]" in rest:
        return ""
    return line_named(int(rest[0])) if rest[0].isdecimal() else f"{rest[0]}: "


def _overtaken(request: HttpRequest, theirs: AgentVersion, mine: dict[str, Any]) -> JsonResponse:
    """Who was quicker, and what would change if mine replaced theirs."""
    who = theirs.updated_by or theirs.published_by or theirs.created_by
    stands = {"name": theirs.agent.name, "language": theirs.language, **config_whole(theirs)}
    context = {
        "theirs": theirs,
        "who": people_names([who]).get(who) if who else "",
        "changes": configs_diff(stands, mine),
        "itself": who == person(request),
    }
    dialog = render_to_string("compass/agents/overtaken.html", context, request)
    return JsonResponse({"base": theirs.base, "dialog": dialog}, status=409)


def _facts(config: dict[str, Any]) -> dict[str, Any]:
    return {"estimate": minute_cost(config), "unknown": variables_unknown(config)}


def _facts_shown(request: HttpRequest, draft: AgentVersion) -> str:
    row = agent_row(draft.agent)
    context = page(request, agent=draft.agent, row=row, **_facts(config_whole(draft)))
    return render_to_string("compass/agents/_facts.html", context, request)


@require_POST
@admins
def draft_drop(request: HttpRequest, slug: str) -> HttpResponse:
    """Throws the draft away."""
    try:
        draft_discard(agent=agent_or_404(slug))
        messages.success(request, _("The draft is gone; you see what callers hear."))
    except PermanentError as error:
        messages.error(request, str(error))
    return redirect("agent", slug)
