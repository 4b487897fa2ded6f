"""Money that came by another way than Stripe: who noted it down, of which day it is and what the bank called it."""

from decimal import Decimal

from django.db import models

from apps.billing.models.invoices import Invoice
from apps.billing.models.money import money
from apps.core.ids import uuid7


class BankTransfer(models.Model):
    """That an invoice was paid by bank transfer, or a part of it. One that was taken back stays as a row, with who did it.

    Stripe cannot take a payment back that it was told of, so it is told when the books of its month are closed. What came above
    what was left of the invoice is its surplus: it is the customer's until somebody says what became of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="transfers")
    amount = money(help_text="As the bank booked it.")
    applied = money(default=Decimal(0), help_text="Of the amount, what was left of the invoice to pay.")
    key = models.CharField(max_length=64, blank=True, help_text="Of the request: the same again is the same transfer.")
    received_on = models.DateField(help_text="The day on which the bank booked it.")
    reference = models.CharField(max_length=140, help_text="As it stands on the statement of the account.")
    by = models.CharField(max_length=254, help_text="The e-mail address of whoever noted it down.")
    at = models.DateTimeField(auto_now_add=True)
    state_before = models.CharField(
        max_length=14, choices=Invoice.State, help_text="The invoice's without transfers, to go back to."
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=254, blank=True)
    undone_reason = models.CharField(max_length=500, blank=True)
    stripe_asked_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe was asked to count it as paid.")
    stripe_told_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe said that it does.")
    ended_on = models.DateField(null=True, blank=True, help_text="The day on which its surplus went somewhere else.")
    ended_by = models.CharField(max_length=254, blank=True)
    ended_how = models.CharField(max_length=500, blank=True, help_text="Where it went.")

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=~models.Q(key=""), name="bank_transfer_key_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="bank_transfer_positive"),
            models.CheckConstraint(
                condition=models.Q(applied__gte=0, applied__lte=models.F("amount")), name="bank_transfer_applied_within"
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def above(self) -> Decimal:
        """What it brought that its invoice does not count: all of it where the invoice is void."""
        return self.amount if self.invoice.state == Invoice.State.VOID else self.amount - self.applied

    @property
    def surplus(self) -> Decimal:
        """What of it still is the customer's."""
        return Decimal(0) if self.undone_at or self.ended_on else self.above
