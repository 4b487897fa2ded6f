"""Reads of checks: an agent's runs, the latest result of each scenario, and what got worse since the version before."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from apps.compass.models.agents import Agent, AgentVersion
from apps.compass.models.checks import CheckPolicy, CheckResult, CheckRun, CheckScenario, Outcome, RunState
from apps.compass.services.checks import config_hash

RANKS = {Outcome.FAILED: 0, Outcome.UNJUDGED: 1, Outcome.PASSED: 2}
WORSE_BY = 0.15  # of a score from 0 to 1: less than that a judge differs from itself


@dataclass(frozen=True)
class Line:
    """A result beside the one that the same scenario had in the version before. `change`: worse, better, new or ''."""

    result: CheckResult
    before: CheckResult | None
    change: str


@dataclass(frozen=True)
class Standing:
    """How a run stands: counts, cost (None while something has no price), and its lines."""

    run: CheckRun
    lines: list[Line]
    before: CheckRun | None

    def count(self, outcome: Outcome) -> int:
        return sum(line.result.outcome == outcome for line in self.lines)

    @property
    def passed(self) -> int:
        return self.count(Outcome.PASSED)

    @property
    def ended(self) -> int:
        return sum(line.result.outcome not in (Outcome.WAITING, Outcome.RUNNING) for line in self.lines)

    @property
    def worse(self) -> list[Line]:
        return [line for line in self.lines if line.change == "worse"]

    @property
    def is_green(self) -> bool:
        """True when every check passed, and the run came to its end."""
        return self.run.state == RunState.DONE and bool(self.lines) and self.passed == len(self.lines)

    @property
    def cost(self) -> Decimal | None:
        used = [line.result for line in self.lines if line.result.usage]
        return sum((row.cost for row in used), Decimal()) if all(row.cost is not None for row in used) else None

    @property
    def currency(self) -> str:
        return next((line.result.currency for line in self.lines if line.result.currency), "USD")


def scenarios_of(agent: Agent) -> QuerySet[CheckScenario]:
    """The agent's scenarios, the oldest first."""
    return CheckScenario.objects.filter(agent=agent)


def scenario_of(agent: Agent, scenario_id: UUID) -> CheckScenario | None:
    return CheckScenario.objects.filter(agent=agent, pk=scenario_id).first()


def runs_of(agent: Agent) -> QuerySet[CheckRun]:
    """The agent's runs, the newest first."""
    return CheckRun.objects.filter(agent=agent).prefetch_related(Prefetch("results"))


def run_of(agent: Agent, run_id: UUID) -> CheckRun | None:
    return runs_of(agent).filter(pk=run_id).first()


def policy_of(agent: Agent) -> CheckPolicy:
    """How the agent's checks are run; unsaved with the defaults where nobody has chosen yet."""
    return CheckPolicy.objects.filter(agent=agent).first() or CheckPolicy(agent=agent)


def standing_of(run: CheckRun) -> Standing:
    """A run beside the newest finished one of an earlier version, or of an earlier state of the same draft."""
    finished = runs_of(run.agent).filter(state=RunState.DONE, created_at__lt=run.created_at)
    before = finished.exclude(config_hash=run.config_hash).first()
    known = {row.scenario_id: row for row in before.results.all()} if before else {}
    lines = [_line(row, known.get(row.scenario_id) if row.scenario_id else None, before) for row in run.results.all()]
    return Standing(run, lines, before)


def standing_latest(agent: Agent) -> Standing | None:
    """How the newest run stands."""
    run = runs_of(agent).first()
    return standing_of(run) if run else None


@dataclass(frozen=True)
class Readiness:
    """What the checks say to publishing a version. `blocks`: the agent's switch says that it has to be green, and it is not."""

    scenarios: int
    standing: Standing | None
    is_current: bool
    require_green: bool

    @property
    def is_green(self) -> bool:
        return self.standing is not None and self.is_current and self.standing.is_green

    @property
    def blocks(self) -> bool:
        return self.require_green and self.scenarios > 0 and not self.is_green


def readiness_of(version: AgentVersion) -> Readiness:
    """The newest finished run of exactly this configuration, else the newest of all with `is_current` False."""
    agent, runs = version.agent, runs_of(version.agent).filter(state=RunState.DONE)
    current = runs.filter(config_hash=config_hash(version)).first()
    run = current or runs.first()
    standing = standing_of(run) if run else None
    return Readiness(scenarios_of(agent).count(), standing, current is not None, policy_of(agent).require_green)


def _line(result: CheckResult, before: CheckResult | None, last: CheckRun | None) -> Line:
    if before is None:
        return Line(result, None, "new" if last else "")
    return Line(result, before, _change(result, before))


def _change(result: CheckResult, before: CheckResult) -> str:
    now, then = RANKS.get(Outcome(result.outcome)), RANKS.get(Outcome(before.outcome))
    if now is None or then is None:
        return ""
    if now != then:
        return "worse" if now < then else "better"
    scored: tuple[Any, Any] = (result.score, before.score)
    if None in scored or abs(scored[0] - scored[1]) < WORSE_BY:
        return ""
    return "worse" if scored[0] < scored[1] else "better"
