"""How money is asked for: reminders of invoices that are overdue, and the daily comparison with Stripe."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.billing.models.invoices import Invoice
from apps.billing.models.money import money
from apps.core.ids import uuid7


class DunningReminder(models.Model):
    """One reminder of one overdue invoice: its key makes a second one of the same level impossible.

    `begun_at` is written before the mail goes out. Where it is set and `sent_at` is not, a process died in between,
    and nobody can know whether the mail left: it is not sent again.
    """

    class Level(models.TextChoices):
        FIRST = "first", _("First reminder")
        SECOND = "second", _("Second reminder")
        FINAL = "final", _("Final notice")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="reminders")
    level = models.CharField(max_length=8, choices=Level)
    due = money(help_text="What was open when it was written.")
    created_at = models.DateTimeField(auto_now_add=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True, help_text="Why it was not sent.")

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["invoice", "level"], name="dunning_reminder_once")]

    def __str__(self) -> str:
        return f"{self.level} of {self.invoice_id}"


class Reconciliation(models.Model):
    """What comparing ledger, invoices and Stripe found."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    month = models.DateField(null=True, blank=True, help_text="The first day of the month; empty for all that is open.")
    with_stripe = models.BooleanField(help_text="False where no Stripe account is configured.")
    invoices = models.PositiveIntegerField(default=0, help_text="How many were compared.")
    differences = models.JSONField(default=list, help_text="Sentences with what to do, by invoice.")
    problem = models.CharField(max_length=500, blank=True, help_text="Why it could not be finished.")
    begun_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-begun_at"]

    def __str__(self) -> str:
        return f"{len(self.differences)} differences"
