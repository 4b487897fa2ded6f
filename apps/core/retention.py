"""How long the content of webhooks is kept after they were worked on, and of what was sent after it was sent."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from apps.core.idempotency import IdempotentAnswer
from apps.core.models import OPEN_STATES, InboundEvent, MailState, OutboundEffect

BATCH = 1000


def inbox_forget() -> int:
    """Blanks the payloads of events that ended more than INBOX_RETENTION_DAYS days ago; returns how many.

    The rows stay: their ids keep an event that is delivered again from being worked on again.
    """
    before = timezone.now() - timedelta(days=settings.INBOX_RETENTION_DAYS)
    old = InboundEvent.objects.filter(finished_at__lt=before).exclude(state__in=OPEN_STATES).exclude(payload={})
    total = 0
    while ids := list(old.values_list("pk", flat=True)[:BATCH]):
        total += InboundEvent.objects.filter(pk__in=ids).update(payload={}, note="")
    return total


def outbox_forget() -> int:
    """Blanks the payloads of effects that were done more than OUTBOX_RETENTION_DAYS days ago; returns how many.

    The rows stay, because their keys keep a thing from being done twice; so does what was given up, for whoever looks into it.
    """
    before = timezone.now() - timedelta(days=settings.OUTBOX_RETENTION_DAYS)
    done = (MailState.DONE, MailState.IGNORED)
    old = OutboundEffect.objects.filter(finished_at__lt=before, state__in=done).exclude(payload={})
    total = 0
    while ids := list(old.values_list("pk", flat=True)[:BATCH]):
        total += OutboundEffect.objects.filter(pk__in=ids).update(payload={}, note="")
    return total


def schema_forget(schema: str) -> None:
    """Deletes what webhooks said to a tenant that is deleted, and the answers that were kept for its programs."""
    InboundEvent.objects.filter(schema_name=schema).delete()
    IdempotentAnswer.objects.filter(owner__startswith=f"{schema}:").delete()
