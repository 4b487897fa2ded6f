"""What the outbox does at Stripe and about overdue invoices. Each kind is written in the transaction that decides it."""

from apps.billing.models import CreditNote, Invoice
from apps.billing.services.stripe_credits import credit_note_send, invoice_withdraw
from apps.billing.services.stripe_queue import CREDIT_NOTE, WITHDRAW
from apps.core.errors import Ignored
from apps.core.models import OutboundEffect
from apps.core.outbox import sender


@sender(CREDIT_NOTE)
def credit_note_effect(effect: OutboundEffect) -> str:
    """`credit_note` is its id."""
    note = CreditNote.objects.select_related("invoice__tenant").filter(pk=effect.payload["credit_note"]).first()
    if note is None:
        raise Ignored("The credit note is no longer there.")
    if note.invoice.state == Invoice.State.VOID and not note.stripe_id:
        raise Ignored("Its invoice was voided meanwhile; what it takes back is a credit for the next one.")
    return credit_note_send(note=note).stripe_id


@sender(WITHDRAW)
def invoice_withdraw_effect(effect: OutboundEffect) -> str:
    """`invoice` is its id."""
    invoice = Invoice.objects.filter(pk=effect.payload["invoice"]).first()
    if invoice is None:
        raise Ignored("The invoice is no longer there.")
    invoice_withdraw(invoice=invoice)
    return invoice.stripe_id
