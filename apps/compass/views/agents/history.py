"""Publishing, and what an agent was before."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.compass.diffs import versions_diff
from apps.compass.models import Agent, AgentVersion
from apps.compass.selectors.checks import readiness_of
from apps.compass.selectors.versions import agent_row, people_names, version_numbered, versions_of
from apps.compass.services import agent_publish, version_restore
from apps.compass.variables import variables_unknown
from apps.compass.views.agents.common import admins, agent_or_404, managers, page, person
from apps.core.errors import PermanentError
from apps.core.numbers import whole_number


@require_http_methods(["GET", "POST"])
@admins
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows what callers will hear differently, and publishes it."""
    row = agent_row(agent_or_404(slug))
    refused = ""
    if request.method == "POST":
        try:
            version = agent_publish(
                agent=row.agent,
                published_by=person(request),
                note=request.POST.get("note", ""),
                base=request.POST.get("base") or None,
            )
        except PermanentError as error:
            refused = str(error)
            row = agent_row(row.agent)
        else:
            text = _("Version %(number)s is published: callers hear it from now on.")
            messages.success(request, text % {"number": version.number})
            return redirect("agent", slug)
    if row.draft is None and not refused:
        messages.info(request, _("There is nothing to publish: callers hear what you see."))
        return redirect("agent", slug)
    context = page(
        request,
        agent=row.agent,
        row=row,
        refused=refused,
        note=request.POST.get("note", ""),
        changes=versions_diff(row.published, row.head),
        unknown=variables_unknown(row.head.config),
        readiness=readiness_of(row.head),
    )
    return render(request, "compass/agents/publish.html", context, status=409 if refused else 200)


@require_GET
@managers
def history(request: HttpRequest, slug: str) -> HttpResponse:
    agent = agent_or_404(slug)
    versions = list(versions_of(agent)[:200])
    names = people_names(who for version in versions for who in (version.published_by, version.updated_by, version.created_by))
    rows = [(version, _who(version, names)) for version in versions]
    context = page(request, agent=agent, rows=rows, drafted=_drafted(versions))
    return render(request, "compass/agents/history.html", context)


def _drafted(versions: list[AgentVersion]) -> bool:
    return any(version.is_draft for version in versions)


def _who(version: AgentVersion, names: dict) -> str:  # type: ignore[type-arg]
    who = version.published_by or version.updated_by or version.created_by
    return names.get(who, "") if who else ""


@require_GET
@managers
def comparison(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """This version against the one of `with`, or the one before it."""
    agent = agent_or_404(slug)
    version = _version(agent, number)
    versions = list(versions_of(agent))
    given = whole_number(request.GET.get("with"))
    earlier = [one for one in versions if one.number < version.number]
    other = _version(agent, given) if given is not None else (earlier[0] if earlier else None)
    changes, drafted = versions_diff(other, version), _drafted(versions)
    context = page(request, agent=agent, version=version, other=other, versions=versions, changes=changes, drafted=drafted)
    return render(request, "compass/agents/comparison.html", context)


def _version(agent: Agent, number: int) -> AgentVersion:
    version = version_numbered(agent, number)
    if version is None:
        raise Http404("There is no such version.")
    return version


@require_POST
@admins
def restore(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """An older version becomes the draft."""
    agent = agent_or_404(slug)
    undo = "" if agent_row(agent).draft else reverse("agent-discard", args=[slug])
    try:
        version_restore(agent=agent, number=number, restored_by=person(request))
        text = _("Version %(number)s is the draft now. Publish it to let callers hear it.")
        messages.success(request, text % {"number": number}, extra_tags=undo)
    except PermanentError as error:
        messages.error(request, str(error))
    return redirect("agent", slug)
