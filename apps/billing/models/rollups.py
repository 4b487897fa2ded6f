"""What finance's pages add up: the ledger by day, kept by a trigger and a task, so that a million rows stay quick.

Sums of these days and of the rows that wait are the ledger's at any moment.
"""

from django.db import models

from apps.billing.models.money import SourceType, money
from apps.tenants.models import Tenant


class SpendPending(models.Model):
    """A ledger entry that is in no SpendDay yet. The database writes it with the entry; spend_fold takes it away."""

    entry_id = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.entry_id)


class SpendDay(models.Model):
    """What a day cost: by source, channel, agent and currency. A part without a price counts 0.

    Days are those of `zone`, the tenant's time zone when they were added up; when it moves, spend_rezone counts anew.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    zone = models.CharField(max_length=64)
    day = models.DateField()
    source_type = models.CharField(max_length=12, choices=SourceType)
    channel = models.CharField(max_length=12, blank=True)
    agent_id = models.UUIDField(null=True)
    currency = models.CharField(max_length=3)
    entries = models.PositiveIntegerField(default=0, help_text="Rows of the ledger, corrections too.")
    sources = models.PositiveIntegerField(default=0, help_text="Rows without corrections: calls, answers, messages.")
    duration = models.DecimalField(max_digits=18, decimal_places=6, default=0, help_text="Seconds.")
    transport = money(default=0)
    stt = money(default=0)
    llm = money(default=0)
    tts = money(default=0)
    messages = money(default=0)
    platform = money(default=0)
    total_known = money(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "zone", "day", "source_type", "channel", "agent_id", "currency"],
                name="spend_day_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.total_known} {self.currency} on {self.day}"
