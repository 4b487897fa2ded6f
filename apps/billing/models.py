"""Price books and the ledger. Money is Decimal with 6 places in the book's currency."""

from decimal import Decimal

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7
from apps.tenants.models import Tenant


def money(**options: object) -> "models.DecimalField[Decimal, Decimal]":
    """A column for an amount of money."""
    return models.DecimalField(max_digits=18, decimal_places=6, **options)  # type: ignore[arg-type]


class Part(models.TextChoices):
    """The parts that a cost is split into (contracts.md, Billing)."""

    TRANSPORT = "transport", _("Transport")
    STT = "stt", _("Speech to text")
    LLM = "llm", _("Language model")
    TTS = "tts", _("Text to speech")
    MESSAGES = "messages", _("Messages")
    PLATFORM = "platform", _("Platform")


class Unit(models.TextChoices):
    """What a price is for."""

    SECOND = "second", _("second")
    MINUTE = "minute", _("minute")
    CHARACTERS_1K = "1k_characters", _("1,000 characters")
    INPUT_1K = "1k_input_tokens", _("1,000 input tokens")
    CACHED_1K = "1k_cached_tokens", _("1,000 cached input tokens")
    OUTPUT_1K = "1k_output_tokens", _("1,000 output tokens")
    INPUT_1M = "1m_input_tokens", _("1,000,000 input tokens")
    CACHED_1M = "1m_cached_tokens", _("1,000,000 cached input tokens")
    OUTPUT_1M = "1m_output_tokens", _("1,000,000 output tokens")
    CALL = "call", _("call")
    MESSAGE = "message", _("message")


class PriceBook(models.Model):
    """A version of every price, in effect from a moment until the next version's. Once in effect it no longer changes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.PositiveIntegerField(unique=True, editable=False)
    effective_from = models.DateTimeField(unique=True)
    currency = models.CharField(max_length=3, default="USD", help_text="ISO 4217.")
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"Price book {self.version}"

    @property
    def in_effect(self) -> bool:
        """True once calls may have been billed by it."""
        return self.effective_from <= timezone.now()


class Price(models.Model):
    """What one unit of one model costs the platform (`provider_cost`) and its customers (`price`)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    book = models.ForeignKey(PriceBook, on_delete=models.CASCADE, related_name="prices")
    kind = models.CharField(max_length=12, choices=Part)
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=120)
    unit = models.CharField(max_length=24, choices=Unit)
    provider_cost = money()
    price = money()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["kind", "provider", "model", "unit"]
        constraints = [
            models.UniqueConstraint(fields=["book", "kind", "provider", "model", "unit"], name="price_once"),
            models.CheckConstraint(condition=models.Q(price__gte=0, provider_cost__gte=0), name="price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model}: {self.price} per {self.get_unit_display()}"


class LedgerEntry(models.Model):
    """What one call used and costs. Written once; the database itself refuses to change or delete it.

    A part is null when something in it has no price; then `total` is null too and `total_known` sums the other parts.
    """

    class Source(models.TextChoices):
        REPORT = "report", _("Report of the agent")
        SWEEP = "sweep", _("Rebuilt from the call's events")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="ledger_entries")
    call_id = models.UUIDField()
    agent_id = models.UUIDField()
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
    source = models.CharField(max_length=8, choices=Source)
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-started_at"]
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "call_id"], name="ledger_once_per_call"),
            models.CheckConstraint(condition=models.Q(duration__gte=0), name="ledger_duration_not_negative"),
            models.CheckConstraint(condition=models.Q(ended_at__gte=models.F("started_at")), name="ledger_ended_after_start"),
            models.CheckConstraint(condition=models.Q(total_known__gte=0), name="ledger_total_not_negative"),
        ]
        indexes = [models.Index(fields=["tenant", "started_at"], name="ledger_by_tenant")]

    def __str__(self) -> str:
        return f"Call {self.call_id}"


class BillingConflict(models.Model):
    """A second, different report for a call that is billed already. Nothing is charged by it; finance decides."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="conflicts")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    call_id = models.UUIDField()
    source = models.CharField(max_length=8, choices=LedgerEntry.Source)
    report = models.JSONField(help_text="The report as it came, after validation.")
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["entry", "content_hash"], name="billing_conflict_once")]

    def __str__(self) -> str:
        return f"Another report for call {self.call_id}"
