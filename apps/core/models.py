"""The two mailboxes. Rows live in the public schema, because events arrive before their tenant is known."""

from django.db import models
from django.utils import timezone

from apps.core.ids import uuid7


class MailState(models.TextChoices):
    PENDING = "pending"
    PROCESSING = "processing"
    DONE = "done"
    IGNORED = "ignored"
    DEAD = "dead"


class Mail(models.Model):
    """A unit of work that survives every process: claimed by conditional UPDATE, retried, and ended in a terminal state."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=64)
    schema_name = models.CharField(max_length=63, blank=True, help_text="The tenant, where it is known.")
    payload = models.JSONField()
    state = models.CharField(max_length=12, choices=MailState, default=MailState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField(default=timezone.now)
    note = models.TextField(blank=True, help_text="Why it was ignored, retried or given up.")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


OPEN_STATES = (MailState.PENDING, MailState.PROCESSING)
OPEN = models.Q(state__in=OPEN_STATES)


class InboundEvent(Mail):
    """One event of one verified webhook, unique on the provider's own id."""

    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=191)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "external_id"], name="inbound_once")]
        indexes = [models.Index(fields=["available_at"], condition=OPEN, name="inbound_open")]


class OutboundEffect(Mail):
    """One thing to do in an outside system, written in the transaction that decided it."""

    key = models.CharField(max_length=191, unique=True, help_text="The stable idempotency key.")
    external_id = models.CharField(max_length=191, blank=True, help_text="What the provider calls the result.")

    class Meta:
        indexes = [models.Index(fields=["available_at"], condition=OPEN, name="outbound_open")]


from apps.core.idempotency import IdempotentAnswer as IdempotentAnswer  # noqa: E402
