"""What was paid by bank transfer."""

from django.db.models import QuerySet

from apps.billing.closing import books_closed
from apps.billing.models import BankTransfer, Invoice


def transfer_of(invoice: Invoice) -> BankTransfer | None:
    """The transfer that counts for an invoice."""
    return BankTransfer.objects.filter(invoice=invoice, undone_at=None).first()


def transfers_of(invoice: Invoice) -> "QuerySet[BankTransfer]":
    """All that were noted down for an invoice, those too that were taken back."""
    return BankTransfer.objects.filter(invoice=invoice)


def transfer_waits(invoice: Invoice) -> bool:
    """Whether it was paid by a transfer that Stripe is not told of so far."""
    return BankTransfer.objects.filter(invoice=invoice, undone_at=None, stripe_told_at=None).exists()


def transfer_untold(invoice: Invoice) -> bool:
    """As transfer_waits, where Stripe was not even asked: what it calls paid was paid there."""
    return BankTransfer.objects.filter(invoice=invoice, undone_at=None, stripe_asked_at=None).exists()


def transfer_can_be_undone(transfer: BankTransfer) -> bool:
    """While the books of its month are open and Stripe was not asked to count it."""
    return transfer.undone_at is None and transfer.stripe_asked_at is None and not books_closed(transfer.received_on)
