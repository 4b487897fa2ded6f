"""What happened at Stripe: the object is fetched again, so neither order nor repetition of events matters."""

from typing import Any

from django.db import IntegrityError, transaction

from apps.billing import stripe_calls
from apps.billing.models import BillingProfile, CreditNote, Invoice
from apps.billing.rounding import from_minor_units
from apps.billing.selectors.notes import notes_sum
from apps.billing.services.settling import invoice_settle_parts
from apps.billing.services.stripe_credits import NOTE_MARK, note_store
from apps.billing.services.stripe_states import invoice_apply, moment
from apps.billing.services.stripe_sync import INVOICE_MARK
from apps.core.errors import Ignored
from apps.core.ids import uuid_of

Json = dict[str, Any]
DISPUTE_OVER = {"won", "warning_closed", "prevented"}
BY_STRIPE = "Stripe"


def invoice_of(stripe_id: str, metadata: Json | None = None) -> Invoice | None:
    """Ours by Stripe's id, else by the mark that sending left on it."""
    rows = Invoice.objects.select_related("tenant")
    found = rows.filter(stripe_id=stripe_id).first() if stripe_id else None
    mark = uuid_of((metadata or {}).get(INVOICE_MARK))
    return found or (rows.filter(pk=mark).first() if mark else None)


def invoice_refresh(*, stripe_id: str) -> Invoice:
    """Takes over what Stripe says of an invoice now. Raises Ignored when it is none of ours, StripeUnavailable, StripeRefused."""
    answer = stripe_calls.invoice_get(stripe_id)
    invoice = invoice_of(stripe_id, answer.get("metadata"))
    if invoice is None:
        raise Ignored("This invoice at Stripe is none of Meridian's.")
    _ours_check(invoice, answer)
    return invoice_apply(invoice=invoice, answer=answer)


def _ours_check(invoice: Invoice, answer: Json) -> None:
    """Whoever writes a mark at Stripe by hand must not settle another tenant's invoice."""
    if not invoice.stripe_id:
        raise Ignored("The invoice is still being sent; what Stripe says is taken over there.")
    if invoice.stripe_id != answer["id"]:
        raise Ignored(f"Invoice {invoice.number} is {invoice.stripe_id} at Stripe; this one only bears its mark.")
    customer = BillingProfile.objects.filter(tenant_id=invoice.tenant_id).values_list("stripe_customer_id", flat=True).first()
    if invoice.step != Invoice.Step.FINALIZED and customer != answer["customer"]:
        raise Ignored(f"Invoice {invoice.number} is another customer's at Stripe.")


def dispute_refresh(*, stripe_id: str) -> list[Invoice]:
    """Takes over a dispute's state for the invoices that its payment was for. Raises Ignored when it was for none of ours."""
    dispute = stripe_calls.dispute_get(stripe_id)
    invoices = dispute_invoices(dispute)
    if not invoices:
        raise Ignored("The disputed payment was for none of Meridian's invoices.")
    for invoice in invoices:
        _dispute_apply(invoice, dispute)
    return invoices


def dispute_invoices(dispute: Json) -> list[Invoice]:
    """The invoices of ours that a disputed payment was for."""
    intent = dispute.get("payment_intent")
    if not intent:
        return []
    names = stripe_calls.invoices_paid_by(intent if isinstance(intent, str) else str(intent["id"]))
    return list(Invoice.objects.select_related("tenant").filter(stripe_id__in=names))


def _dispute_apply(invoice: Invoice, dispute: Json) -> None:
    """`disputed_at` stays while the money may go or has gone; a dispute that was won leaves only its state."""
    status = str(dispute["status"])[:24]
    at = None if status in DISPUTE_OVER else moment(dispute["created"])
    rows = Invoice.objects.filter(pk=invoice.pk)
    if status not in {"lost", *DISPUTE_OVER}:
        rows = rows.exclude(dispute__in={"lost", *DISPUTE_OVER})  # an answer from before it was closed
    rows.update(dispute=status, disputed_at=at)
    invoice.refresh_from_db()


def credit_note_refresh(*, stripe_id: str) -> CreditNote:
    """Notes Stripe's side of a credit note of ours, or takes one over that was made at Stripe by hand."""
    answer = stripe_calls.credit_note_get(stripe_id)
    invoice = invoice_of(str(answer["invoice"]))
    if invoice is None:
        raise Ignored("The credit note's invoice is none of Meridian's.")
    mark = uuid_of((answer.get("metadata") or {}).get(NOTE_MARK))
    note = CreditNote.objects.filter(stripe_id=answer["id"]).first()
    note = note or (CreditNote.objects.filter(pk=mark, invoice=invoice).first() if mark else None)
    if note is None:
        note = _note_adopt(invoice, answer)
    with transaction.atomic():
        note_store(note=note, answer=answer)
        if note.voided_at:
            _note_off(note)
    invoice_refresh(stripe_id=invoice.stripe_id)
    return note


def _note_off(note: CreditNote) -> None:
    """What a void note took back is owed again."""
    invoice = Invoice.objects.select_for_update().get(pk=note.invoice_id)
    invoice.credited = notes_sum(invoice)
    invoice.save(update_fields=["credited", "updated_at"])
    invoice_settle_parts(invoice=invoice)


def _note_adopt(invoice: Invoice, answer: Json) -> CreditNote:
    if answer["status"] == "void":
        raise Ignored("The credit note was made and voided at Stripe.")
    values = {
        "invoice": invoice,
        "amount": from_minor_units(answer["total"], invoice.currency),
        "reason": str(answer.get("memo") or "Made at Stripe.")[:300],
        "created_by": BY_STRIPE,
        "stripe_id": answer["id"],
    }
    try:
        with transaction.atomic():
            return CreditNote.objects.create(number=str(answer["number"])[:32], **values)
    except IntegrityError:  # the same event, worked on beside this one
        return CreditNote.objects.get(stripe_id=answer["id"])
