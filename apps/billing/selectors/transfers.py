"""What was paid by bank transfer."""

from decimal import Decimal

from django.db.models import QuerySet, Sum

from apps.billing.closing import books_closed
from apps.billing.models import BankTransfer, Invoice


def transfers_of(invoice: Invoice) -> "QuerySet[BankTransfer]":
    """All that were noted down for an invoice, the oldest first, those too that were taken back."""
    return BankTransfer.objects.filter(invoice=invoice).select_related("invoice").order_by("at", "pk")


def transfers_counted(invoice: Invoice) -> "QuerySet[BankTransfer]":
    """Those that count: one that paid it, or several that each paid a part."""
    return transfers_of(invoice).filter(undone_at=None)


def transfers_untold(invoice: Invoice) -> "QuerySet[BankTransfer]":
    """Those that count and that Stripe was not asked to count: what it calls paid was paid there."""
    return transfers_counted(invoice).filter(stripe_asked_at=None)


def transfers_unconfirmed(invoice: Invoice) -> "QuerySet[BankTransfer]":
    """Those that count and of which Stripe has not said so far that it counts them."""
    return transfers_counted(invoice).filter(stripe_told_at=None)


def transfers_wait(invoice: Invoice) -> bool:
    """Whether Stripe has not said so far that it counts what came by bank transfer."""
    return transfers_unconfirmed(invoice).exists()


def applied_sum(transfers: "QuerySet[BankTransfer]") -> Decimal:
    """What these paid of their invoice."""
    return transfers.aggregate(sum=Sum("applied"))["sum"] or Decimal(0)


def surpluses_of(invoice: Invoice) -> list[BankTransfer]:
    """Those that brought more than was left to pay, while it is not said where that went."""
    return [one for one in transfers_counted(invoice).filter(ended_on=None) if one.surplus]


def transfer_can_be_undone(transfer: BankTransfer) -> bool:
    """While the books of its month are open, Stripe was not asked to count it, and its surplus is still here."""
    final = transfer.undone_at or transfer.stripe_asked_at or transfer.ended_on
    return not final and not books_closed(transfer.received_on)


def transfer_to_undo(invoice: Invoice) -> BankTransfer | None:
    """The newest of those that can be taken back."""
    return next((one for one in transfers_counted(invoice).reverse() if transfer_can_be_undone(one)), None)
