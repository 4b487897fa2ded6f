"""Money that came by another way than Stripe: who noted it down, of which day it is and what the bank called it."""

from django.db import models

from apps.billing.models.invoices import Invoice
from apps.billing.models.money import money
from apps.core.ids import uuid7


class BankTransfer(models.Model):
    """That an invoice was paid by bank transfer. One that was taken back stays as a row, with who did it and why.

    Stripe cannot take a payment back that it was told of, so it is told when the books of its month are closed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="transfers")
    amount = money()
    received_on = models.DateField(help_text="The day on which the bank booked it.")
    reference = models.CharField(max_length=140, help_text="As it stands on the statement of the account.")
    by = models.CharField(max_length=254, help_text="The e-mail address of whoever noted it down.")
    at = models.DateTimeField(auto_now_add=True)
    state_before = models.CharField(max_length=14, choices=Invoice.State, help_text="The invoice's, to go back to.")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=254, blank=True)
    undone_reason = models.CharField(max_length=500, blank=True)
    stripe_asked_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe was asked to count it as paid.")
    stripe_told_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe said that it does.")

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(fields=["invoice"], condition=models.Q(undone_at=None), name="bank_transfer_one_counts"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="bank_transfer_positive"),
        ]

    def __str__(self) -> str:
        return self.reference
