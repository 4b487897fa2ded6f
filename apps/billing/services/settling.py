"""Whether an invoice that bank transfers paid in part is paid. Each function is for its caller's transaction."""

from django.utils import timezone

from apps.billing.models import BankTransfer, Invoice
from apps.billing.selectors.transfers import transfers_untold

State = Invoice.State


def invoice_settle_parts(*, invoice: Invoice) -> None:
    """Paid or owed again, after a credit note came or went. Without a transfer that Stripe knows nothing of: nothing to do."""
    last = transfers_untold(invoice).last()
    if last is None:
        return
    if invoice.state in (State.OPEN, State.UNCOLLECTIBLE) and not invoice.owed:
        invoice.state, invoice.paid_at, invoice.problem = State.PAID, timezone.now(), ""
    elif invoice.state == State.PAID and invoice.owed:
        invoice.state, invoice.paid_at = state_without(last, others=True), None
    invoice.save(update_fields=["state", "paid_at", "problem", "updated_at"])


def state_without(transfer: BankTransfer, *, others: bool) -> str:
    """What its invoice goes back to without it; a draft stays final while `others` count."""
    return State.OPEN if others and transfer.state_before == State.DRAFT else transfer.state_before
