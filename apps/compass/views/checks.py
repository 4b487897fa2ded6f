"""Checks of an agent: the tab in its editor, scenarios, and what came of a run."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.compass.editor import Editing
from apps.compass.forms_checks import ScenarioForm
from apps.compass.models.agents import Agent
from apps.compass.models.checks import CheckRun, CheckScenario, Outcome
from apps.compass.selectors import AgentUnavailable
from apps.compass.selectors.checks import policy_of, run_of, runs_of, scenario_of, scenarios_of, standing_latest, standing_of
from apps.compass.services.checks import (
    ChecksRefused,
    policy_set,
    run_begin,
    run_cancel,
    runs_interrupt,
    scenario_delete,
    scenario_save,
)
from apps.compass.services.checks_assertions import KINDS
from apps.compass.views.trying import turn_context
from apps.tenants.access import ADMINS, MANAGERS, role_required

SHOWN_RUNS = 10


def checks_context(editing: Editing) -> dict[str, Any]:
    """What the editor's tab shows."""
    return _panel(editing.agent, editing.may_change)


@require_GET
@role_required(*MANAGERS)
def checks_panel(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """The tab's inside, fetched again while a run goes on."""
    agent = _agent(agent_id)
    runs_interrupt(agent=agent)
    return _shown(request, agent)


@require_POST
@role_required(*MANAGERS)
def checks_run(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Begins a run against the draft as it is stored now."""
    agent = _agent(agent_id)
    try:
        run_begin(agent=agent, started_by=request.user.pk)
    except (ChecksRefused, AgentUnavailable) as error:
        return _shown(request, agent, str(error))
    return _shown(request, agent)


@require_POST
@role_required(*MANAGERS)
def checks_cancel(request: HttpRequest, agent_id: UUID, run_id: UUID) -> HttpResponse:
    """Stops a run after the answer that is under way."""
    agent = _agent(agent_id)
    run = _run(agent, run_id)
    run_cancel(run=run)
    return _shown(request, agent)


@require_POST
@role_required(*ADMINS)
def checks_policy(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Whether publishing waits for the checks, and which models judge and play the customer."""
    agent = _agent(agent_id)
    judge, customer = (request.POST.get(name, "").replace("\x00", "")[:120] for name in ("judge_model", "customer_model"))
    policy_set(agent=agent, require_green="require_green" in request.POST, judge_model=judge, customer_model=customer)
    return render(request, "compass/agents/checks/policy.html", {"checked": agent, "policy": policy_of(agent), "saved": True})


@require_http_methods(["GET", "POST"])
@role_required(*ADMINS)
def scenario_new(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """A new scenario."""
    return _edited(request, _agent(agent_id), None)


@require_http_methods(["GET", "POST"])
@role_required(*ADMINS)
def scenario_edit(request: HttpRequest, agent_id: UUID, scenario_id: UUID) -> HttpResponse:
    """A scenario that exists."""
    agent = _agent(agent_id)
    scenario = _scenario(agent, scenario_id)
    return _edited(request, agent, scenario)


@require_POST
@role_required(*ADMINS)
def scenario_drop(request: HttpRequest, agent_id: UUID, scenario_id: UUID) -> HttpResponse:
    """Deletes a scenario; its results stay with their runs."""
    agent = _agent(agent_id)
    scenario = _scenario(agent, scenario_id)
    scenario_delete(scenario=scenario)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": scenario.name})
    return redirect("agent-checks", agent.pk)


@require_GET
@role_required(*MANAGERS)
def run_detail(request: HttpRequest, agent_id: UUID, run_id: UUID) -> HttpResponse:
    """Every conversation of a run, with what was asserted and scored."""
    agent = _agent(agent_id)
    run = _run(agent, run_id)
    standing = standing_of(run)
    context = {
        "section": "agents",
        "agent": agent,
        "run": run,
        "standing": standing,
        "shown": [{"line": line, "turns": _turns(line.result.turns), "asserted": _asserted(line)} for line in standing.lines],
    }
    return render(request, "compass/agents/checks/run.html", context)


def _agent(agent_id: UUID) -> Agent:
    agent = Agent.objects.filter(pk=agent_id).first()
    if agent is None:
        raise Http404
    return agent


def _run(agent: Agent, run_id: UUID) -> CheckRun:
    run = run_of(agent, run_id)
    if run is None:
        raise Http404
    return run


def _scenario(agent: Agent, scenario_id: UUID) -> CheckScenario:
    scenario = scenario_of(agent, scenario_id)
    if scenario is None:
        raise Http404
    return scenario


def _panel(agent: Agent, may_change: bool) -> dict[str, Any]:
    return {
        "checked": agent,
        "scenarios": scenarios_of(agent),
        "standing": standing_latest(agent),
        "policy": policy_of(agent),
        "runs": [standing_of(run) for run in runs_of(agent)[:SHOWN_RUNS]],
        "may_change_checks": may_change,
    }


def _shown(request: HttpRequest, agent: Agent, problem: str = "") -> HttpResponse:
    may_change = request.membership.role in ADMINS  # type: ignore[attr-defined]
    context = {**_panel(agent, may_change), "problem": problem, "section": "agents", "in_editor": _in_editor(request)}
    page = "panel" if request.htmx else "page"  # type: ignore[attr-defined]
    return render(request, f"compass/agents/checks/{page}.html", context)


def _in_editor(request: HttpRequest) -> bool:
    """Whether the editor asks, rather than the page that checks have to themselves."""
    page = request.htmx.current_url_abs_path if request.htmx else request.path  # type: ignore[attr-defined]
    return "/checks/" not in (page or "")


def _edited(request: HttpRequest, agent: Agent, scenario: CheckScenario | None) -> HttpResponse:
    form = ScenarioForm(request.POST if request.method == "POST" else None, agent=agent, scenario=scenario)
    if request.method == "POST" and form.is_valid() and form.given is not None:
        try:
            kept = scenario_save(agent=agent, given=form.given, scenario=scenario)
        except ChecksRefused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": kept.name})
            return redirect("agent-checks", agent.pk)
    context = {"section": "agents", "agent": agent, "scenario": scenario, "form": form}
    return render(request, "compass/agents/checks/scenario.html", context, status=422 if form.errors else 200)


def _turns(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"line": turn["line"], **turn_context(turn)} for turn in turns]


def _asserted(line: Any) -> list[dict[str, Any]]:
    if line.result.outcome == Outcome.SKIPPED:
        return []
    return [{**row, "label": KINDS.get(row["kind"], row["kind"])} for row in line.result.assertions]
