"""Spend limits: how much may be spent in a day or a month, what is held for work that runs, and who was warned."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.billing.models.money import SourceType, money
from apps.core.ids import uuid7
from apps.tenants.models import Tenant


class SpendLimit(models.Model):
    """What a tenant, one of its agents or one of its channels may spend in a day or a month of the tenant's time zone."""

    class Scope(models.TextChoices):
        TENANT = "tenant", _("The whole company")
        AGENT = "agent", _("One agent")
        CHANNEL = "channel", _("One channel")

    class Period(models.TextChoices):
        DAY = "day", _("a day")
        MONTH = "month", _("a month")

    class Reached(models.TextChoices):
        REFUSE = "refuse", _("Decline politely")
        PEOPLE = "people", _("Hand to people")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="spend_limits")
    scope = models.CharField(max_length=8, choices=Scope, default=Scope.TENANT)
    agent_id = models.UUIDField(null=True, blank=True)
    channel = models.CharField(max_length=12, blank=True)
    period = models.CharField(max_length=8, choices=Period, default=Period.MONTH)
    amount = money()
    currency = models.CharField(max_length=3, default="USD")
    reached = models.CharField(
        max_length=8, choices=Reached, default=Reached.REFUSE, help_text="What new calls and messages meet."
    )
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["scope", "period"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "scope", "agent_id", "channel", "period"], name="spend_limit_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="spend_limit_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} {self.get_period_display()}"


class SpendWindow(models.Model):
    """One day or month of a limit. `spent` follows the ledger, in its transaction; `held` is promised to work that runs.

    `summed`: its `spent` was added up from the ledger since it was read.
    """

    summed = False

    limit = models.ForeignKey(SpendLimit, on_delete=models.CASCADE, related_name="windows")
    starts_on = models.DateField(help_text="In the tenant's time zone.")
    spent = money(default=0)
    held = money(default=0)
    warned = models.PositiveSmallIntegerField(default=0, help_text="The highest threshold that people were told of, in percent.")
    zone = models.CharField(max_length=64, default="UTC", help_text="The tenant's time zone that `spent` was summed in.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["limit", "starts_on"], name="spend_window_once")]

    def __str__(self) -> str:
        return f"{self.spent} + {self.held} since {self.starts_on}"


class SpendHold(models.Model):
    """What is set aside for a call or turn that runs, until its cost is known."""

    class State(models.TextChoices):
        HELD = "held"
        SETTLED = "settled"
        RELEASED = "released"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="spend_holds")
    source_type = models.CharField(max_length=12, choices=SourceType)
    source_id = models.CharField(max_length=191)
    amount = money()
    windows = models.ManyToManyField(SpendWindow, related_name="holds")
    state = models.CharField(max_length=10, choices=State, default=State.HELD)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(help_text="When it is released if nothing was heard of it.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "source_type", "source_id"], name="spend_hold_once")]
        indexes = [models.Index(fields=["expires_at"], condition=models.Q(state="held"), name="spend_hold_open")]

    def __str__(self) -> str:
        return f"{self.amount} for {self.source_type} {self.source_id}"
