"""A run, from its first scenario to its last: talk, assert, judge. Nothing is open in the database while a model thinks."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import structlog
from django.db import close_old_connections, connection, transaction

from apps.compass.chat import ChatTurn, Cost, Said, Usage, chat, refusal_of
from apps.compass.models.agents import AgentVersion
from apps.compass.models.checks import CheckResult, CheckRun, Outcome, RunState, TrialUsage
from apps.compass.services.checks import run_alive, run_claim, run_end
from apps.compass.services.checks_assertions import assertion_check
from apps.compass.services.checks_people import customer_line, judged
from apps.compass.services.checks_usage import trial_usage_record
from apps.core.errors import MeridianError, PermanentError

log = structlog.get_logger(__name__)


class RunOver(MeridianError):
    """Somebody ended the run."""


def run_work(*, run_id: UUID | str) -> str:
    """Runs what is waiting of a run and returns how it ended. Idempotent: a second worker finds nothing to do."""
    run = run_claim(run_id=run_id)
    if run is None:
        return "not ours"
    version = AgentVersion(
        agent=run.agent, number=run.number, language=run.language, config=run.config, state=AgentVersion.State.DRAFT
    )
    try:
        for result in run.results.filter(outcome=Outcome.WAITING):
            ScenarioRun(run, result, version).work()
    except RunOver:
        return "ended"
    except MeridianError as error:
        log.warning("checks_stopped", run=str(run.pk), error=type(error).__name__)
        run_end(run=run, state=RunState.INTERRUPTED, detail=str(error))
        return "interrupted"
    run_end(run=run, state=RunState.DONE)
    return "done"


class ScenarioRun:
    """One scenario of a run."""

    def __init__(self, run: CheckRun, result: CheckResult, version: AgentVersion) -> None:
        self._run, self._result, self._version = run, result, version
        self._asked: dict[str, Any] = result.asked
        self._said: list[Said] = []
        self._turns: list[dict[str, Any]] = []
        self._usage: list[dict[str, Any]] = []
        self._trouble = ""

    def work(self) -> None:
        """Talks, and keeps the outcome. Raises RunOver."""
        started = time.monotonic()
        self._alive()
        if refusal := refusal_of(self._run.agent_id):
            raise PermanentError(refusal)
        CheckResult.objects.filter(pk=self._result.pk).update(outcome=Outcome.RUNNING)
        try:
            for line in self._lines():
                self._turn(line)
                if self._trouble or self._turns[-1]["handoff"]:
                    break
            self._finish(started)
        except RunOver:
            self._used()  # it has been spent, whoever ended the run
            raise

    def _lines(self) -> Iterator[str]:
        """What the customer says: scripted, or made up as the conversation goes."""
        if self._asked["lines"]:
            yield from self._asked["lines"]
            return
        for _number in range(self._asked["turns"]):
            self._alive()
            asked = customer_line(self._version, self._asked["customer"], self._said, self._run.customer_model)
            self._count(asked.usage)
            if asked.error:
                self._trouble = asked.error
            if not asked.text:
                return
            yield asked.text

    def _turn(self, line: str) -> None:
        self._alive()
        turn: ChatTurn = chat().turn(
            version=self._version, history=self._said, text=line, tool_answers=self._asked["tool_answers"]
        )
        self._count(turn.usage)
        self._said.append(Said("contact", line))
        if turn.reply:
            self._said.append(Said("agent", turn.reply))
        self._turns.append({**turn.as_json(), "line": line, "reply": turn.reply})
        self._trouble = turn.error
        _connection_fresh()
        CheckResult.objects.filter(pk=self._result.pk).update(turns=self._turns)

    def _finish(self, started: float) -> None:
        assertions = [self._asserted(assertion) for assertion in self._asked["assertions"]]
        scores = self._scores()
        result = self._result
        result.turns, result.assertions, result.scores = self._turns, assertions, scores
        result.outcome = self._outcome(assertions, scores)
        result.detail, result.usage = self._trouble, self._usage
        result.seconds = round(time.monotonic() - started, 2)
        self._alive()
        with transaction.atomic():
            cost = self._used()
            result.cost, result.currency = (cost.amount, cost.currency) if cost else (None, "")
            result.save()

    def _used(self) -> Cost | None:
        return trial_usage_record(
            kind=TrialUsage.Kind.CHECK,
            version=self._version,
            usage=self._usage,
            user_id=self._run.started_by,
            subject_id=self._result.pk,
        )

    def _asserted(self, assertion: dict[str, Any]) -> dict[str, Any]:
        if not self._turns:
            return {**assertion, "holds": None, "detail": self._trouble}
        found = assertion_check(assertion, self._turns)
        return {**assertion, "holds": found.holds, "detail": "" if found.holds else found.detail}

    def _scores(self) -> list[dict[str, Any]]:
        if not self._asked["criteria"] or not self._turns or self._trouble:
            return []
        self._alive()
        rows, asked = judged(self._version, self._asked["criteria"], transcript_of(self._turns), self._run.judge_model)
        self._count(asked.usage)
        return rows

    def _outcome(self, assertions: list[dict[str, Any]], scores: list[dict[str, Any]]) -> Outcome:
        """What nobody could tell is never a pass."""
        held = [row["holds"] for row in assertions]
        known = [row["score"] for row in scores if row["score"] is not None]
        if self._trouble or False in held or any(score < self._asked["pass_mark"] for score in known):
            return Outcome.FAILED
        unknown = None in held or len(known) < len(self._asked["criteria"]) or not self._turns
        return Outcome.UNJUDGED if unknown else Outcome.PASSED

    def _alive(self) -> None:
        _connection_fresh()
        if not run_alive(run=self._run):
            raise RunOver("The run was ended.")

    def _count(self, usage: Usage) -> None:
        """Adds rows up by model, so that a long conversation is charged as few rows."""
        for row in usage:
            mine = next((own for own in self._usage if all(own[key] == row[key] for key in ("kind", "provider", "model"))), None)
            if mine is None:
                self._usage.append(dict(row))
                continue
            for name in ("input_tokens", "input_cached_tokens", "output_tokens"):
                mine[name] += row[name]


def _connection_fresh() -> None:
    """A model may have thought for longer than a connection lives."""
    if not connection.in_atomic_block:
        close_old_connections()


def transcript_of(turns: list[dict[str, Any]]) -> str:
    """The conversation as a judge reads it, with tools and handoffs."""
    lines: list[str] = []
    for turn in turns:
        lines.append(f"Customer: {turn['line']}")
        lines += [
            f"(The assistant called {use['name']} with {use['arguments']}: {use['result']})"[:1_000] for use in turn["tools"]
        ]
        if turn["reply"]:
            lines.append(f"Assistant: {turn['reply']}")
        if turn["handoff"]:
            lines.append(f"(The assistant handed over to a colleague: {turn['handoff']['reason']})")
    return "\n".join(lines)[-12_000:]
