"""Overdue invoices: three reminders by e-mail, each once, and where their tenant stands meanwhile."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.billing.models import BillingProfile, DunningReminder, Invoice
from apps.billing.services.stripe_states import standing_update
from apps.core.outbox import effect_enqueue
from apps.tenants.models import Tenant

REMINDER = "billing.reminder"
LEVELS = (Invoice.Dunning.FIRST, Invoice.Dunning.SECOND, Invoice.Dunning.FINAL)
CHUNK = 500


def dunning_run(*, now: datetime | None = None) -> int:
    """Writes the reminders that are due, and brings every tenant's standing up to date; returns how many reminders.

    After DUNNING_DAYS from the due date comes the first, the second, the final one. None is left out, and after a pause (this
    did not run for weeks) they keep their distances from each other. Run beside itself or again, it writes none twice.
    """
    now = now or timezone.now()
    overdue = Invoice.objects.filter(state=Invoice.State.OPEN, due_at__lt=now).exclude(dunning=Invoice.Dunning.FINAL)
    rows = overdue.select_related("tenant").order_by("due_at")
    written = sum(reminder_write(invoice=invoice, now=now) for invoice in rows.iterator(chunk_size=CHUNK))
    for tenant in _tenants(now):
        standing_update(tenant=tenant)
    return written


def reminder_write(*, invoice: Invoice, now: datetime) -> bool:
    """Writes an invoice's next reminder where it is due, by one conditional UPDATE; the outbox sends it."""
    place = 0 if not invoice.dunning else LEVELS.index(Invoice.Dunning(invoice.dunning)) + 1
    if place == len(LEVELS) or not invoice.owed or not _is_due(invoice, place, now):
        return False
    level = LEVELS[place]
    with transaction.atomic():
        mine = Invoice.objects.filter(pk=invoice.pk, state=Invoice.State.OPEN, dunning=invoice.dunning)
        if mine.update(dunning=level, dunning_at=now) != 1:
            return False
        reminder = DunningReminder.objects.create(invoice=invoice, level=level, due=invoice.owed)
        effect_enqueue(
            kind=REMINDER,
            key=f"reminder:{reminder.pk}",
            payload={"reminder": str(reminder.pk)},
            schema_name=invoice.tenant.schema_name,
        )
    return True


def reminder_begin(*, reminder: DunningReminder) -> bool:
    """Takes a reminder for sending, once; false when somebody has it or had it."""
    rows = DunningReminder.objects.filter(pk=reminder.pk, begun_at=None, note="")
    return rows.update(begun_at=timezone.now()) == 1


def reminder_end(*, reminder: DunningReminder, sent: bool, note: str = "") -> None:
    """Writes down how it ended. Neither sent nor noted, it may be begun again."""
    values: dict[str, Any] = {"sent_at": timezone.now() if sent else None, "note": note[:300]}
    if not sent and not note:
        values["begun_at"] = None
    DunningReminder.objects.filter(pk=reminder.pk).update(**values)


def _is_due(invoice: Invoice, place: int, now: datetime) -> bool:
    days = settings.DUNNING_DAYS
    assert invoice.due_at is not None  # overdue invoices have one
    if now < invoice.due_at + timedelta(days=days[place]):
        return False
    if place == 0:
        return True
    apart = timedelta(days=max(1, days[place] - days[place - 1]))
    return invoice.dunning_at is None or now >= invoice.dunning_at + apart


def _tenants(now: datetime) -> list[Tenant]:
    """Whoever owes something, and whoever is said to."""
    owing = Invoice.objects.filter(state=Invoice.State.OPEN, due_at__lt=now).values("tenant")
    said = BillingProfile.objects.exclude(standing=BillingProfile.Standing.GOOD).values("tenant")
    return list(Tenant.objects.filter(pk__in=owing.union(said)))
