"""Scenarios that an agent has to pass, what came of running them, and what trying used."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compass.models.agents import Agent, AgentVersion
from apps.core.ids import uuid7


def money() -> "models.DecimalField[Any, Any]":
    """A column for an amount that may be unknown."""
    return models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)


class CheckPolicy(models.Model):
    """How an agent's checks are run. An empty model is the agent's own."""

    agent = models.OneToOneField(Agent, on_delete=models.CASCADE, related_name="check_policy")
    require_green = models.BooleanField(default=False, help_text="Publishing waits for every check to pass.")
    judge_model = models.CharField(max_length=120, blank=True)
    customer_model = models.CharField(max_length=120, blank=True)

    def __str__(self) -> str:
        return f"Checks of {self.agent}"


class CheckScenario(models.Model):
    """A customer who talks to the agent, and what has to come of it. Without lines a model plays the customer."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="scenarios")
    name = models.CharField(max_length=120)
    customer = models.TextField(max_length=4_000, blank=True, help_text="Who the customer is and what they want.")
    lines = models.JSONField(default=list, blank=True, help_text="What a scripted customer says, one after the other.")
    turns = models.PositiveSmallIntegerField(default=6, help_text="Answers after which a simulated customer gives up.")
    assertions = models.JSONField(default=list, blank=True)
    criteria = models.JSONField(default=list, blank=True, help_text="What a judge scores, one sentence each.")
    pass_mark = models.FloatField(default=0.7, help_text="The least score of each criterion, from 0 to 1.")
    tool_answers = models.JSONField(default=dict, blank=True, help_text="Answers of tools that are not to be run.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_scripted(self) -> bool:
        """True when no model plays the customer."""
        return bool(self.lines)

    def snapshot(self) -> dict[str, Any]:
        """All of it that a run keeps, so that a result can be read when the scenario has changed."""
        names = ("name", "customer", "lines", "turns", "assertions", "criteria", "pass_mark", "tool_answers")
        return {name: getattr(self, name) for name in names}


class RunState(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    INTERRUPTED = "interrupted", _("Interrupted")


class Outcome(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")
    UNJUDGED = "unjudged", _("Could not judge")
    SKIPPED = "skipped", _("Not run")


GOING = (RunState.QUEUED, RunState.RUNNING)


class CheckRun(models.Model):
    """Every scenario of an agent, once, against one state of its configuration."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="check_runs")
    version = models.ForeignKey(AgentVersion, on_delete=models.CASCADE, related_name="check_runs")
    number = models.PositiveIntegerField(help_text="The version's number.")
    language = models.CharField(max_length=35)
    config = models.JSONField(help_text="The configuration that was checked; a draft may have changed since.")
    config_hash = models.CharField(max_length=64)
    judge_model = models.CharField(max_length=120, blank=True)
    customer_model = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=12, choices=RunState, default=RunState.QUEUED)
    detail = models.TextField(blank=True, help_text="Why it did not end by itself.")
    started_by = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(auto_now_add=True, help_text="The last sign of life of whoever runs it.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["agent"], condition=models.Q(state__in=("queued", "running")), name="check_run_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"Checks of {self.agent} {self.number}"

    @property
    def is_going(self) -> bool:
        """True until it has ended, however it did."""
        return self.state in GOING


class CheckResult(models.Model):
    """What came of one scenario in a run. `turns`: what was said, with the tools and times of each answer."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(CheckRun, on_delete=models.CASCADE, related_name="results")
    scenario = models.ForeignKey(CheckScenario, on_delete=models.SET_NULL, null=True, related_name="results")
    position = models.PositiveSmallIntegerField()
    asked = models.JSONField(help_text="The scenario as it was then.")
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.WAITING)
    detail = models.TextField(blank=True, help_text="A sentence, where it could not be run.")
    turns = models.JSONField(default=list)
    assertions = models.JSONField(default=list)
    scores = models.JSONField(default=list)
    usage = models.JSONField(default=list)
    cost = money()
    currency = models.CharField(max_length=3, blank=True)
    seconds = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="check_result_once")]

    def __str__(self) -> str:
        return str(self.asked.get("name", ""))

    @property
    def name(self) -> str:
        """The scenario's name then."""
        return str(self.asked.get("name", ""))

    @property
    def score(self) -> float | None:
        """The mean of what was scored; None where nothing was."""
        known = [row["score"] for row in self.scores if row.get("score") is not None]
        return sum(known) / len(known) if known else None


class TrialUsage(models.Model):
    """What trying and checking used; it is no conversation and no call, and is charged apart from them."""

    class Kind(models.TextChoices):
        CHAT = "chat", _("Try it")
        CHECK = "check", _("Checks")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+")
    number = models.PositiveIntegerField(help_text="The version's number.")
    subject_id = models.UUIDField(null=True, blank=True, help_text="The result of a check.")
    user_id = models.UUIDField(null=True, blank=True)
    usage = models.JSONField(help_text="Rows as in POST /billing/calls.")
    cost = money()
    currency = models.CharField(max_length=3, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="trial_usage_by_time")]
        constraints = [
            models.UniqueConstraint(fields=["subject_id"], condition=models.Q(subject_id__isnull=False), name="trial_usage_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"
