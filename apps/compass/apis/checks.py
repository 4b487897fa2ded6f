"""Checks by API: what an agent has to pass, running it, and what came of it."""

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, RootModel, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compass.models.agents import Agent
from apps.compass.models.checks import CheckRun, CheckScenario
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.selectors import AgentUnavailable
from apps.compass.selectors.checks import run_of, runs_of, scenario_of, scenarios_of, standing_of
from apps.compass.services.checks import ChecksRefused, run_begin, run_cancel, runs_interrupt, scenario_delete, scenario_save
from apps.core.errors import Problem, fields_of
from apps.core.moments import utc_text
from apps.core.openapi import problems
from apps.tenants.access import MANAGERS, Access, TenantAPI

MOST_RUNS = 50


class ScenarioOut(ScenarioIn):
    id: UUID


class ResultOut(BaseModel):
    """`outcome`: waiting, running, passed, failed, unjudged (nobody could tell) or skipped. `change` since the version before."""

    scenario_id: UUID | None
    name: str
    outcome: str
    change: str
    detail: str
    score: float | None
    seconds: float | None
    cost: str | None
    currency: str
    turns: list[dict[str, Any]]
    assertions: list[dict[str, Any]]
    scores: list[dict[str, Any]]


class RunOut(BaseModel):
    """`state`: queued, running, done, cancelled or interrupted. Costs are decimal strings, null without a price."""

    id: UUID
    version: int
    state: str
    detail: str
    passed: int
    total: int
    worse: int
    cost: str | None
    currency: str
    created_at: str
    ended_at: str | None
    results: list[ResultOut]


class ScenarioList(RootModel[list[ScenarioOut]]):
    """Every check of an agent."""


class RunList(RootModel[list[RunOut]]):
    """The newest runs."""


class ChecksView(TenantAPI):
    """The base: members by role, or a key with the scope agents."""

    permission_classes = (Access.of(read=MANAGERS, scope="agents"),)

    def agent(self, agent_id: UUID) -> Agent:
        agent = Agent.objects.filter(pk=agent_id).first()
        if agent is None:
            raise Http404
        return agent


class ScenariosView(ChecksView):
    @extend_schema(
        summary="List an agent's checks",
        operation_id="agents_checks_list",
        responses={200: ScenarioList, **problems(401, 403, 404)},
        tags=["checks"],
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        return Response([_scenario(row) for row in scenarios_of(self.agent(agent_id))])

    @extend_schema(
        summary="Add a check", request=ScenarioIn, responses={201: ScenarioOut, **problems(401, 403, 404, 422)}, tags=["checks"]
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        return Response(_scenario(_saved(self.agent(agent_id), request, None)), status=201)


class ScenarioView(ChecksView):
    def scenario(self, agent_id: UUID, scenario_id: UUID) -> CheckScenario:
        scenario = scenario_of(self.agent(agent_id), scenario_id)
        if scenario is None:
            raise Http404
        return scenario

    @extend_schema(summary="Read a check", responses={200: ScenarioOut, **problems(401, 403, 404)}, tags=["checks"])
    def get(self, request: Request, agent_id: UUID, scenario_id: UUID) -> Response:
        return Response(_scenario(self.scenario(agent_id, scenario_id)))

    @extend_schema(
        summary="Replace a check",
        request=ScenarioIn,
        responses={200: ScenarioOut, **problems(401, 403, 404, 422)},
        tags=["checks"],
    )
    def put(self, request: Request, agent_id: UUID, scenario_id: UUID) -> Response:
        scenario = self.scenario(agent_id, scenario_id)
        return Response(_scenario(_saved(scenario.agent, request, scenario)))

    @extend_schema(summary="Delete a check", responses={204: None, **problems(401, 403, 404)}, tags=["checks"])
    def delete(self, request: Request, agent_id: UUID, scenario_id: UUID) -> Response:
        scenario_delete(scenario=self.scenario(agent_id, scenario_id))
        return Response(status=204)


class RunsView(ChecksView):
    @extend_schema(
        summary="List an agent's newest runs",
        operation_id="agents_runs_list",
        responses={200: RunList, **problems(401, 403, 404)},
        tags=["checks"],
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        agent = self.agent(agent_id)
        runs_interrupt(agent=agent)
        return Response([_run(run) for run in runs_of(agent)[:MOST_RUNS]])

    @extend_schema(
        summary="Run every check against the draft",
        request=None,
        responses={202: RunOut, **problems(401, 403, 404, 409)},
        tags=["checks"],
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        agent = self.agent(agent_id)
        try:
            run = run_begin(agent=agent, started_by=getattr(request.user, "pk", None))
        except ChecksRefused as error:
            raise Problem(409, "checks_refused", str(error)) from error
        except AgentUnavailable as error:
            raise Problem(409, error.code, error.message) from error
        return Response(_run(run), status=202)


class RunView(ChecksView):
    def run(self, agent_id: UUID, run_id: UUID) -> CheckRun:
        agent = self.agent(agent_id)
        runs_interrupt(agent=agent)
        run = run_of(agent, run_id)
        if run is None:
            raise Http404
        return run

    @extend_schema(summary="Read a run", responses={200: RunOut, **problems(401, 403, 404)}, tags=["checks"])
    def get(self, request: Request, agent_id: UUID, run_id: UUID) -> Response:
        return Response(_run(self.run(agent_id, run_id)))

    @extend_schema(
        summary="Cancel a run",
        description="It stops after the answer that is under way; one that has ended already stays as it is.",
        responses={200: RunOut, **problems(401, 403, 404)},
        tags=["checks"],
    )
    def delete(self, request: Request, agent_id: UUID, run_id: UUID) -> Response:
        run_cancel(run=self.run(agent_id, run_id))
        return Response(_run(self.run(agent_id, run_id)))


def _saved(agent: Agent, request: Request, scenario: CheckScenario | None) -> CheckScenario:
    try:
        return scenario_save(agent=agent, given=ScenarioIn.model_validate(request.data), scenario=scenario)
    except ValidationError as error:
        raise Problem(422, "invalid", "The check cannot be kept; see errors.", errors=fields_of(error)) from error
    except ChecksRefused as error:
        raise Problem(422, "invalid", str(error)) from error


def _scenario(scenario: CheckScenario) -> dict[str, Any]:
    return {"id": str(scenario.pk), **scenario.snapshot()}


def _run(run: CheckRun) -> dict[str, Any]:
    standing = standing_of(run)
    results = [
        ResultOut(
            scenario_id=line.result.scenario_id,
            name=line.result.name,
            change=line.change,
            score=line.result.score,
            cost=None if line.result.cost is None else str(line.result.cost),
            **{
                name: getattr(line.result, name)
                for name in ("outcome", "detail", "seconds", "currency", "turns", "assertions", "scores")
            },
        )
        for line in standing.lines
    ]
    out = RunOut(
        id=run.pk,
        version=run.number,
        state=run.state,
        detail=run.detail,
        passed=standing.passed,
        total=len(standing.lines),
        worse=len(standing.worse),
        cost=None if standing.cost is None else str(standing.cost),
        currency=standing.currency,
        created_at=utc_text(run.created_at),
        ended_at=utc_text(run.ended_at) if run.ended_at else None,
        results=results,
    )
    return out.model_dump(mode="json")
