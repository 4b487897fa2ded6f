"""The ledger: what each thing that was used costs. Append-only; a correction is a row of its own."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.billing.models.money import SourceType, money
from apps.billing.models.prices import PriceBook
from apps.core.ids import uuid7
from apps.tenants.models import Tenant


class LedgerEntry(models.Model):
    """What one thing used and costs: a call, an answer, a message. Written once; the database refuses to change or delete it.

    A part is null when something in it has no price; then `total` is null too and `total_known` sums the other parts.
    A correction has the same source and a `revision` above 0, and holds only the difference, so that sums over rows are right.
    What it takes back of a part that has no price any more is in that part's column; `unpriced` names what lacks one.
    """

    class Source(models.TextChoices):
        REPORT = "report", _("Report of the agent")
        SWEEP = "sweep", _("Rebuilt from the call's events")
        METER = "meter", _("Counted by Meridian")
        RERATE = "rerate", _("Priced later")
        CORRECTION = "correction", _("Corrected by finance")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="ledger_entries")
    source_type = models.CharField(max_length=12, choices=SourceType, default=SourceType.CALL)
    source_id = models.CharField(max_length=191)
    revision = models.PositiveSmallIntegerField(default=0)
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="corrections")
    call_id = models.UUIDField(null=True)
    conversation_id = models.UUIDField(null=True)
    agent_id = models.UUIDField(null=True)
    channel = models.CharField(max_length=12)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    duration = models.DecimalField(max_digits=14, decimal_places=6, help_text="Seconds.")
    ended_reason = models.CharField(max_length=24)
    transcript_ref = models.CharField(max_length=500, blank=True)
    usage = models.JSONField(help_text="The usage as reported.")
    lines = models.JSONField(help_text="One line for each thing that was charged; amounts as decimal strings.")
    transport = money(null=True)
    stt = money(null=True)
    llm = money(null=True)
    tts = money(null=True)
    messages = money(null=True)
    platform = money(null=True)
    total = money(null=True)
    total_known = money()
    provider_cost = money(null=True, help_text="What the providers charge the platform; null when not all of it is known.")
    currency = models.CharField(max_length=3)
    unpriced = models.JSONField(default=list, help_text="What the price book had no price for.")
    price_book = models.ForeignKey(PriceBook, on_delete=models.PROTECT, null=True, related_name="ledger_entries")
    source = models.CharField(max_length=12, choices=Source)
    content_hash = models.CharField(max_length=64, help_text="Of the usage; empty where a correction is of amounts alone.")
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was corrected, or by whose decision it was priced.")
    by = models.CharField(max_length=254, blank=True, help_text="The e-mail address of whoever corrected it.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-started_at"]
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source_type", "source_id", "revision"], name="ledger_once_per_source"),
            models.CheckConstraint(
                condition=models.Q(revision=0, corrects__isnull=True) | models.Q(revision__gt=0, corrects__isnull=False),
                name="ledger_correction_names_its_entry",
            ),
            models.CheckConstraint(
                condition=models.Q(duration__gte=0) | models.Q(revision__gt=0), name="ledger_duration_not_negative"
            ),
            models.CheckConstraint(condition=models.Q(ended_at__gte=models.F("started_at")), name="ledger_ended_after_start"),
            models.CheckConstraint(
                condition=models.Q(total_known__gte=0) | models.Q(revision__gt=0), name="ledger_total_not_negative"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "call_id"], condition=models.Q(call_id__isnull=False), name="ledger_by_call"),
            models.Index(
                fields=["tenant", "conversation_id"],
                condition=models.Q(conversation_id__isnull=False),
                name="ledger_by_conversation",
            ),
            models.Index(fields=["started_at"], condition=models.Q(total__isnull=True), name="ledger_unpriced"),
            models.Index(  # a tenant's pages of usage, filtered and sorted without the rows
                fields=["tenant", "-started_at", "-id"],
                include=["source_type", "channel", "agent_id", "currency", "total_known"],
                name="ledger_listed",
            ),
            models.Index(fields=["tenant", "-started_at"], condition=models.Q(total__isnull=True), name="ledger_open_price"),
            models.Index(  # the platform's months, read without the rows
                fields=["started_at"],
                include=["tenant", "currency", "source_type", "channel", "revision", "total_known", "provider_cost"],
                name="ledger_by_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_type} {self.source_id}"


class BillingConflict(models.Model):
    """A second, different report for what is billed already. Nothing is charged by it; finance decides."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="conflicts")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    call_id = models.UUIDField(null=True)
    source = models.CharField(max_length=12, choices=LedgerEntry.Source)
    report = models.JSONField(help_text="The report as it came, after validation.")
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["entry", "content_hash"], name="billing_conflict_once")]

    def __str__(self) -> str:
        return f"Another report for {self.entry}"
