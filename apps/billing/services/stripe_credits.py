"""Taking back at Stripe: credit notes, and voiding an invoice."""

from typing import Any

from django.db.models import F

from apps.billing import stripe_calls
from apps.billing.models import CreditNote, Invoice
from apps.billing.rounding import from_minor_units, minor_units
from apps.billing.services.stripe_customers import key_of
from apps.billing.services.stripe_states import invoice_apply, moment
from apps.billing.services.transfers_stripe import transfers_tell_of
from apps.billing.stripe_api import StripeMissing, StripeRefused, StripeUnavailable

NOTE_MARK = "meridian_credit_note"
Json = dict[str, Any]


def credit_note_send(*, note: CreditNote) -> CreditNote:
    """Makes a credit note at Stripe, once: it lowers what is open, or becomes credit for the next invoice when it is paid.

    Raises StripeRefused while its invoice is not at Stripe, StripeUnavailable.
    """
    invoice = note.invoice
    if note.stripe_id:
        return note
    if not invoice.stripe_id or invoice.step != Invoice.Step.FINALIZED:
        raise StripeRefused(f"Invoice {invoice.number} is not at Stripe yet; send it first.")
    if note.after_payment:
        transfers_tell_of(invoice=invoice)  # else it would lower what is open there, and be lost with it
    try:
        answer = _there(note) or _create(note)
    except StripeUnavailable as error:
        if error.answered:
            CreditNote.objects.filter(pk=note.pk).update(stripe_tries=F("stripe_tries") + 1)
        raise
    note_store(note=note, answer=answer)
    invoice_apply(invoice=invoice, answer=stripe_calls.invoice_get(invoice.stripe_id))
    return note


def _there(note: CreditNote) -> Json | None:
    """What an earlier attempt made and could not note down."""
    found = stripe_calls.credit_notes_of(note.invoice.stripe_id)
    return next((row for row in found if (row["metadata"] or {}).get(NOTE_MARK) == str(note.pk)), None)


def _create(note: CreditNote) -> Json:
    open_there = _open_there(note)
    try:
        return _post(note, open_there)
    except StripeRefused:
        again = _open_there(note)
        if again == open_there:
            raise
        return _post(note, again)  # it was paid between the two requests


def _open_there(note: CreditNote) -> int:
    """What is left to be paid at Stripe, in its smallest unit."""
    answer = stripe_calls.invoice_get(note.invoice.stripe_id)
    return 0 if answer["status"] == "paid" else int(answer["amount_remaining"])


def _post(note: CreditNote, open_there: int) -> Json:
    amount = minor_units(note.amount, note.invoice.currency)
    params: Json = {
        "invoice": note.invoice.stripe_id,
        "amount": amount,
        "memo": note.reason,
        "metadata": {NOTE_MARK: str(note.pk), "meridian_number": note.number},
    }
    if amount > open_there:
        params["credit_amount"] = amount - open_there  # to the customer's balance, which the next invoice uses
    return stripe_calls.credit_note_create(params, key=key_of("credit-note", note.pk, params, note.stripe_tries))


def note_store(*, note: CreditNote, answer: Json) -> None:
    """Notes Stripe's id and paper of a credit note, what of it was paid, and that it was voided there: it counts no longer."""
    note.stripe_id, note.pdf_url = answer["id"], answer.get("pdf") or note.pdf_url
    note.voided_at = note.voided_at or moment(answer.get("voided_at"))
    # https://docs.stripe.com/api/credit_notes/object#credit_note_object-post_payment_amount
    note.after_payment = from_minor_units(answer["post_payment_amount"] or 0, note.invoice.currency)
    note.save(update_fields=["stripe_id", "pdf_url", "voided_at", "after_payment"])


def invoice_withdraw(*, invoice: Invoice) -> None:
    """Takes an invoice back at Stripe: deletes a draft, voids what is open. Not at Stripe, or void there: nothing to do.

    Raises StripeRefused for one that is paid, StripeUnavailable.
    """
    if not invoice.stripe_id:
        return
    try:
        answer = stripe_calls.invoice_get(invoice.stripe_id)
        if answer["status"] == "draft":
            stripe_calls.invoice_delete(invoice.stripe_id)
        elif answer["status"] in ("open", "uncollectible"):
            key = key_of("void", invoice.stripe_id, {}, invoice.stripe_tries)
            answer = stripe_calls.invoice_void(invoice.stripe_id, key=key)
    except StripeMissing:
        return  # a draft that was deleted before
    except StripeUnavailable as error:
        if error.answered:
            Invoice.objects.filter(pk=invoice.pk).update(stripe_tries=F("stripe_tries") + 1)
        raise
    if answer["status"] == "paid":
        invoice_apply(invoice=invoice, answer=answer)
        raise StripeRefused(f"Invoice {invoice.number} is paid and cannot be voided. Make a credit note instead.")
    invoice_apply(invoice=invoice, answer=answer)
