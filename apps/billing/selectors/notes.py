"""What credit notes take back, and what they may."""

from decimal import Decimal

from django.db.models import QuerySet, Sum

from apps.billing.models import CreditNote, Invoice, InvoiceLine
from apps.billing.selectors.transfers import applied_sum, transfers_untold

State = Invoice.State
CREDITABLE = (State.OPEN, State.PAID, State.UNCOLLECTIBLE)


def notes_of(of: Invoice | InvoiceLine) -> QuerySet[CreditNote]:
    """The credit notes of an invoice or of a line that count, those too that Stripe lacks so far."""
    about = {"line": of} if isinstance(of, InvoiceLine) else {"invoice": of}
    return CreditNote.objects.filter(**about, voided_at=None)


def notes_sum(of: Invoice | InvoiceLine) -> Decimal:
    """What the credit notes of an invoice, or of a line, take back, those too that Stripe lacks so far; void ones nothing."""
    return notes_of(of).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def note_hindrance(invoice: Invoice) -> str:
    """Why nothing of an invoice can be taken back by a credit note, as a sentence; empty where it can."""
    if invoice.state not in CREDITABLE:
        state = invoice.get_state_display().lower()
        return f"{invoice.number} is {state}; a credit note is for an invoice that was sent."
    if invoice.state == State.PAID and not invoice.stripe_id and invoice.total:
        return (
            f"{invoice.number} is paid and not at Stripe, where its credit note would become the customer's credit. Give the "
            "company a credit instead, which its next invoice takes off."
        )
    return ""


def note_left(invoice: Invoice, line: InvoiceLine | None = None) -> Decimal:
    """What a credit note can take back of an invoice, or of a line of it; 0 where there can be none.

    Not what bank transfers paid of one that is open: of them Stripe knows nothing, so it could not become credit there.
    """
    if note_hindrance(invoice):
        return Decimal(0)
    paid = Decimal(0) if invoice.state == State.PAID else applied_sum(transfers_untold(invoice))
    left = max(invoice.total - invoice.credited - paid, Decimal(0))
    return left if line is None else max(min(left, line.amount - notes_sum(line)), Decimal(0))
