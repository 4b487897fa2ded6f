"""An invoice as the platform's staff put it right: each act takes a reason and is written down.

Stripe is asked first and outside any transaction: what it refuses has not happened here either.
"""

from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.billing import stripe_calls
from apps.billing.models import CreditNote, Invoice, InvoiceLine, StaffAct
from apps.billing.selectors.notes import note_hindrance, note_left
from apps.billing.selectors.transfers import transfers_counted
from apps.billing.services.credits import credit_note_create, note_made
from apps.billing.services.invoices import InvoiceRefused, invoice_draft, invoice_void
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.billing.services.stripe_credits import invoice_withdraw
from apps.billing.services.stripe_customers import key_of
from apps.billing.services.stripe_states import invoice_apply, standing_update
from apps.billing.stripe_api import NOT_CONFIGURED, StripeNotConfigured, StripeUnavailable, stripe_configured

State = Invoice.State


def invoice_take_back(*, invoice: Invoice, reason: str, by: str) -> Invoice:
    """Voids it, at Stripe and then here; what was on it is invoiced anew.

    Raises PermanentError for one that is paid, TransientError while Stripe cannot be asked.
    """
    sentence = reason_checked(reason)
    if invoice.state not in (State.DRAFT, State.OPEN, State.UNCOLLECTIBLE):
        raise InvoiceRefused(f"{invoice.number} is {invoice.get_state_display().lower()} and cannot be voided.")
    if invoice.stripe_id and stripe_configured():
        invoice_withdraw(invoice=invoice)
    with transaction.atomic():
        found = invoice_void(invoice=invoice)
        _record(StaffAct.Kind.VOIDED, found, sentence, by)
    standing_update(tenant=found.tenant)
    return found


def invoice_give_up(*, invoice: Invoice, reason: str, by: str) -> Invoice:
    """Marks an open invoice as uncollectible, at Stripe and then here; its company is restricted until it is paid or voided.

    Raises PermanentError for one that is not open, TransientError while Stripe cannot be asked.
    """
    sentence = reason_checked(reason)
    if invoice.state != State.OPEN or not invoice.stripe_id:
        raise InvoiceRefused(f"{invoice.number} is not open at Stripe, so there is nothing to stop collecting.")
    key = key_of("write-off", invoice.stripe_id, {}, invoice.stripe_tries)
    try:
        answer = stripe_calls.invoice_write_off(invoice.stripe_id, key=key)
    except StripeUnavailable as error:
        if error.answered:  # it would say the same again for the same key
            Invoice.objects.filter(pk=invoice.pk).update(stripe_tries=F("stripe_tries") + 1)
        raise
    with transaction.atomic():
        found = invoice_apply(invoice=invoice, answer=answer)
        _record(StaffAct.Kind.WRITTEN_OFF, found, sentence, by)
    return found


def invoice_send_again(*, invoice: Invoice, reason: str, by: str) -> Invoice:
    """Has one that did not get through sent within a minute; one that did is mailed to its customer once more.

    Raises PermanentError for one that is settled or void, and for one whose card is charged; TransientError as above.
    """
    sentence = reason_checked(reason)
    if not stripe_configured():
        raise StripeNotConfigured(NOT_CONFIGURED)
    if invoice.state in (State.PAID, State.VOID):
        raise InvoiceRefused(f"{invoice.number} is {invoice.get_state_display().lower()}; there is nothing to send.")
    if not invoice.sent_at and transfers_counted(invoice).exists():
        raise InvoiceRefused(f"A part of {invoice.number} came by bank transfer before it was sent; the rest comes that way too.")
    if invoice.sent_at and invoice.stripe_id:
        minute = f"{timezone.now():%Y%m%d%H%M}"  # a button that is pressed twice sends one mail
        stripe_calls.invoice_mail(invoice.stripe_id, key=f"mail-again-{invoice.stripe_id}-{minute}")
    with transaction.atomic():
        if not invoice.sent_at:
            Invoice.objects.filter(pk=invoice.pk, sent_at=None).update(send_again_at=timezone.now())
        _record(StaffAct.Kind.SENT, invoice, sentence, by)
    return invoice


def invoice_draw_again(*, invoice: Invoice, reason: str, by: str) -> Invoice:
    """A new draft for the month and in the currency of one that is void.

    Raises PermanentError as invoice_draft does, and while another counts.
    """
    sentence = reason_checked(reason)
    if invoice.state != State.VOID:
        raise InvoiceRefused(f"{invoice.number} counts; void it first.")
    with transaction.atomic():
        made = invoice_draft(tenant=invoice.tenant, month=invoice.month, currency=invoice.currency)
        _record(StaffAct.Kind.DRAFTED, made, sentence, by)
    return made


@transaction.atomic
def note_make(
    *, invoice: Invoice, reason: str, by: str, amount: Decimal | None = None, line: InvoiceLine | None = None, key: str = ""
) -> CreditNote:
    """A credit note, for a line or the whole invoice; without an amount for all that is left of it. A `key` once.

    Raises PermanentError above what is left, and as credit_note_create does.
    """
    sentence = reason_checked(reason)
    found = Invoice.objects.select_for_update().get(pk=invoice.pk)
    said = {"reason": sentence, "line": line} | ({"amount": amount} if amount is not None else {})
    if made := note_made(found, key, said):
        return made
    left = note_left(found, line)
    if amount is None and not left and not note_hindrance(found):
        raise InvoiceRefused(f"Nothing is left of {found.number} that a credit note could take back.")
    if amount is not None and amount > left and line is not None:
        raise InvoiceRefused(f"{left:.2f} {found.currency} are left of that line; a credit note for it cannot be above that.")
    note = credit_note_create(
        invoice=found, amount=left if amount is None else amount, reason=sentence, by=by, line=line, key=key
    )
    subject = f"{note.number} of {found.number}: {note.amount:.2f} {found.currency}"
    act_record(kind=StaffAct.Kind.NOTE, tenant=found.tenant, subject=subject, reason=sentence, by=by)
    return note


def _record(kind: StaffAct.Kind, invoice: Invoice, sentence: str, by: str) -> None:
    act_record(kind=kind, tenant=invoice.tenant, subject=invoice.number, reason=sentence, by=by)
