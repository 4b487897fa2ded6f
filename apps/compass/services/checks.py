"""Scenarios and their runs: written, begun, cancelled. What a run does is in checks_running."""

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.compass.chat import refusal_of
from apps.compass.models.agents import Agent, AgentVersion
from apps.compass.models.checks import GOING, CheckPolicy, CheckResult, CheckRun, CheckScenario, Outcome, RunState
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.selectors.trials import agent_for_trial
from apps.compass.services.checks_assertions import BadPattern, pattern_matches
from apps.core.errors import PermanentError

SILENT_AFTER = timedelta(seconds=90)  # longer than any one answer may take
QUEUED_AFTER = timedelta(minutes=5)
MOST_SCENARIOS = 50


class ChecksRefused(PermanentError):
    """The checks cannot be run or kept like this; the text says why."""


def scenario_save(*, agent: Agent, given: ScenarioIn, scenario: CheckScenario | None = None) -> CheckScenario:
    """Writes a scenario, a new one unless one is given. Raises ChecksRefused."""
    _patterns_check(given)
    if scenario is None and agent.scenarios.count() >= MOST_SCENARIOS:
        raise ChecksRefused(_("An agent has at most %(most)s checks; delete one first.") % {"most": MOST_SCENARIOS})
    scenario = scenario or CheckScenario(agent=agent)
    for name, value in given.model_dump(mode="json").items():
        setattr(scenario, name, value)
    scenario.save()
    return scenario


@transaction.atomic
def scenarios_add(*, agent: Agent, given: Iterable[ScenarioIn]) -> None:
    """Writes new scenarios, all or none. Raises ChecksRefused."""
    for one in given:
        scenario_save(agent=agent, given=one)


def scenario_delete(*, scenario: CheckScenario) -> None:
    """Deletes a scenario; the results it had stay readable."""
    scenario.delete()


def policy_set(*, agent: Agent, require_green: bool, judge_model: str = "", customer_model: str = "") -> CheckPolicy:
    """Says how an agent's checks are run, and whether publishing waits for them."""
    values = {"require_green": require_green, "judge_model": judge_model.strip(), "customer_model": customer_model.strip()}
    return CheckPolicy.objects.update_or_create(agent=agent, defaults=values)[0]


def run_begin(*, agent: Agent, started_by: UUID | None = None) -> CheckRun:
    """Queues a run of every scenario against the draft as it is now. Raises ChecksRefused, AgentUnavailable."""
    from apps.compass.checks_tasks import checks_run_task

    if refusal := refusal_of(agent.pk):
        raise ChecksRefused(refusal)
    runs_interrupt(agent=agent)
    with transaction.atomic():
        version, scenarios = agent_for_trial(agent.pk), list(agent.scenarios.all())
        if not scenarios:
            raise ChecksRefused(_("There is nothing to check yet. Add a check first."))
        run = _run_create(agent, version, started_by)
        CheckResult.objects.bulk_create(
            CheckResult(run=run, scenario=scenario, position=place, asked=scenario.snapshot())
            for place, scenario in enumerate(scenarios)
        )
    checks_run_task.delay_on_commit(str(run.pk))
    return run


def run_cancel(*, run: CheckRun) -> bool:
    """Stops a run after the answer that is under way; False when it had ended already."""
    return run_end(run=run, state=RunState.CANCELLED)


def run_claim(*, run_id: UUID | str) -> CheckRun | None:
    """The run, for the one worker that may run it; None when another does or did."""
    claimed = CheckRun.objects.filter(pk=run_id, state=RunState.QUEUED)
    if not claimed.update(state=RunState.RUNNING, seen_at=timezone.now()):
        return None
    return CheckRun.objects.select_related("agent", "version").get(pk=run_id)


def run_alive(*, run: CheckRun) -> bool:
    """Notes that the run goes on; False once somebody has ended it."""
    return bool(CheckRun.objects.filter(pk=run.pk, state=RunState.RUNNING).update(seen_at=timezone.now()))


@transaction.atomic
def run_end(*, run: CheckRun, state: RunState, detail: str = "") -> bool:
    """Ends a run, once; what it did not come to is marked as not run."""
    going = CheckRun.objects.filter(pk=run.pk, state__in=GOING)
    if not going.update(state=state, detail=detail, ended_at=timezone.now()):
        return False
    run.results.filter(outcome__in=(Outcome.WAITING, Outcome.RUNNING)).update(outcome=Outcome.SKIPPED)
    return True


def runs_interrupt(*, agent: Agent) -> None:
    """Ends runs whose worker is gone, so that they can be run again."""
    now = timezone.now()
    going = agent.check_runs.filter(state=RunState.RUNNING, seen_at__lt=now - SILENT_AFTER)
    lost = agent.check_runs.filter(state=RunState.QUEUED, created_at__lt=now - QUEUED_AFTER)
    for run in (*going, *lost):
        run_end(run=run, state=RunState.INTERRUPTED, detail=_("The worker that ran it has gone. Run the checks again."))


def config_hash(version: AgentVersion) -> str:
    """Equal for equal configurations."""
    text = json.dumps([version.language, version.config], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _run_create(agent: Agent, version: AgentVersion, started_by: UUID | None) -> CheckRun:
    policy = CheckPolicy.objects.filter(agent=agent).first() or CheckPolicy(agent=agent)
    try:
        with transaction.atomic():
            return CheckRun.objects.create(
                agent=agent,
                version=version,
                number=version.number,
                language=version.language,
                config=version.config,
                config_hash=config_hash(version),
                judge_model=policy.judge_model,
                customer_model=policy.customer_model,
                started_by=started_by,
            )
    except IntegrityError as error:
        raise ChecksRefused(_("The checks of this agent are running already. Wait for them, or cancel them.")) from error


def _patterns_check(given: ScenarioIn) -> None:
    for assertion in given.assertions:
        if assertion.kind != "matches":
            continue
        try:
            pattern_matches(str(assertion.value), "")
        except BadPattern as error:
            values: dict[str, Any] = {"pattern": assertion.value}
            raise ChecksRefused(_("“%(pattern)s” is not a regular expression; check its brackets.") % values) from error
