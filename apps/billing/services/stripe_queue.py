"""What is decided here and done at Stripe a moment later; written in the transaction that decides it."""

from apps.billing.models import CreditNote, Invoice
from apps.billing.stripe_api import stripe_configured
from apps.core.outbox import effect_enqueue

CREDIT_NOTE = "stripe.credit_note"
WITHDRAW = "stripe.invoice_withdraw"


def credit_note_queue(note: CreditNote) -> None:
    """Has a credit note made at Stripe, where its invoice is."""
    if note.invoice.stripe_id and stripe_configured():
        key = f"stripe:credit-note:{note.pk}"
        effect_enqueue(kind=CREDIT_NOTE, key=key, payload={"credit_note": str(note.pk)}, schema_name="public")


def withdraw_queue(invoice: Invoice) -> None:
    """Has an invoice that was voided here taken back at Stripe; one that is void there already costs one look."""
    if invoice.stripe_id and stripe_configured():
        key = f"stripe:withdraw:{invoice.pk}"
        effect_enqueue(kind=WITHDRAW, key=key, payload={"invoice": str(invoice.pk)}, schema_name="public")
