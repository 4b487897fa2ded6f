"""Invoices that are paid by bank transfer: noted down, taken back while the books of the month are open, told to Stripe then.

Stripe cannot take back what it was told (https://docs.stripe.com/api/invoices/pay, `paid_out_of_band`). So until the books are
closed it only charges no card, and what its customer pays there all the same is found out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.billing import stripe_calls
from apps.billing.closing import books_close_at, books_closed
from apps.billing.locks import tenant_money_lock
from apps.billing.models import BankTransfer, Invoice, StaffAct
from apps.billing.rounding import step_of
from apps.billing.services.invoices import InvoiceRefused, rebuildable
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.billing.services.stripe_customers import key_of
from apps.billing.services.stripe_states import invoice_apply, standing_update
from apps.billing.stripe_api import StripeRefused, StripeUnavailable, stripe_configured
from apps.core.errors import MeridianError

log = structlog.get_logger(__name__)
State = Invoice.State
PAYABLE = (State.DRAFT, State.OPEN, State.UNCOLLECTIBLE)
Json = dict[str, Any]
FIELDS = ["state", "paid", "paid_at", "finalized_at", "problem", "send_attempts", "send_again_at", "updated_at"]


def transfer_note(*, invoice: Invoice, amount: Decimal, received_on: date, reference: str, by: str) -> BankTransfer:
    """Counts an invoice as paid by bank transfer. `received_on` is the bank's day, `by` an e-mail address.

    Where there is no Stripe to send it to, a draft is paid, and final by that. Raises InvoiceRefused for another amount than is
    left, a month whose books are closed, and an invoice that is settled, void or still being sent; StripeUnavailable while
    Stripe cannot be told to charge no card for it. Then nothing was changed.
    """
    if not reference.strip():
        raise InvoiceRefused("Give the reference of the transfer, as it stands on the statement of the account.")
    _day_check(received_on)
    _payable_check(invoice, amount)
    with _card_left_alone(invoice), schema_context("public"), transaction.atomic():
        tenant_money_lock(invoice.tenant)
        found = Invoice.objects.select_for_update().get(pk=invoice.pk)
        _payable_check(found, amount)
        made = BankTransfer.objects.create(
            invoice=found,
            amount=amount,
            received_on=received_on,
            reference=reference.strip()[:140],
            by=by,
            state_before=found.state,
        )
        _paid(found, made)
        words = f"{amount:f} {found.currency}, booked on {received_on}: {made.reference}"
        act_record(kind=StaffAct.Kind.PAID, tenant=found.tenant, subject=found.number, reason=words, by=by)
        standing_update(tenant=found.tenant)
    return made


def transfer_undo(*, transfer: BankTransfer, reason: str, by: str) -> Invoice:
    """The invoice is as it was before, and is asked for again.

    Raises InvoiceRefused once the books of its month are closed, Stripe was told, or a credit note was made since;
    StripeUnavailable while Stripe cannot be asked. Then nothing was changed.
    """
    reason = reason_checked(reason)
    _undo_check(transfer.invoice, transfer)
    answer = _card_charged(transfer.invoice)
    with schema_context("public"), transaction.atomic():
        tenant_money_lock(transfer.invoice.tenant)
        found = Invoice.objects.select_for_update().get(pk=transfer.invoice_id)
        kept = BankTransfer.objects.select_for_update().get(pk=transfer.pk)
        _undo_check(found, kept)
        kept.undone_at, kept.undone_by, kept.undone_reason = timezone.now(), by, reason[:500]
        kept.save(update_fields=["undone_at", "undone_by", "undone_reason"])
        _owed_again(found, kept)
        act_record(kind=StaffAct.Kind.UNPAID, tenant=found.tenant, subject=found.number, reason=reason, by=by)
        standing_update(tenant=found.tenant)
    return invoice_apply(invoice=found, answer=answer) if answer else found


@contextmanager
def _card_left_alone(invoice: Invoice) -> Iterator[None]:
    """Stripe charges nobody for it from here on, unless it is refused."""
    if not (invoice.stripe_id and stripe_configured()):
        yield
        return
    invoice_apply(invoice=invoice, answer=stripe_calls.invoice_get(invoice.stripe_id))
    _state_check(invoice)  # it may have been paid there meanwhile
    stripe_calls.invoice_advance(invoice.stripe_id, on=False)
    try:
        yield
    except InvoiceRefused:
        _card_charged(invoice)
        raise


def _card_charged(invoice: Invoice) -> Json | None:
    """Stripe charges a card by itself again, where there is one to charge; what it says of the invoice."""
    if not (invoice.stripe_id and stripe_configured()):
        return None
    answer = stripe_calls.invoice_get(invoice.stripe_id)
    if answer["status"] == "open" and answer["collection_method"] == "charge_automatically":
        stripe_calls.invoice_advance(invoice.stripe_id, on=True)
    return answer


def transfer_tell(*, transfer: BankTransfer) -> BankTransfer:
    """Has Stripe count the invoice as paid, which is final. Told already, taken back or not at Stripe: nothing to do.

    Raises StripeRefused where its customer has paid at Stripe as well, StripeUnavailable.
    """
    invoice, again = transfer.invoice, transfer.stripe_asked_at is not None
    rows = BankTransfer.objects.filter(pk=transfer.pk, undone_at=None, stripe_told_at=None)
    if not invoice.stripe_id or rows.update(stripe_asked_at=timezone.now()) != 1:
        return transfer
    answer = _pay(invoice, transfer)
    if answer is None:
        answer = stripe_calls.invoice_get(invoice.stripe_id)
        if answer["status"] != "paid" or not again:
            rows.update(stripe_asked_at=None)
            invoice_apply(invoice=invoice, answer=answer)
            raise StripeRefused(
                f"Stripe does not count {invoice.number} as paid by bank transfer; it is {answer['status']} there."
            )
    rows.update(stripe_told_at=timezone.now())
    invoice_apply(invoice=invoice, answer=answer)
    transfer.refresh_from_db()
    return transfer


def _pay(invoice: Invoice, transfer: BankTransfer) -> Json | None:
    """Stripe's answer; None where it refuses, such as for one that is paid there."""
    key = key_of("transfer", transfer.pk, {}, invoice.stripe_tries)
    try:
        return stripe_calls.invoice_pay_outside(invoice.stripe_id, key=key)
    except StripeUnavailable as error:
        if error.answered:  # it would say the same again for the same key
            Invoice.objects.filter(pk=invoice.pk).update(stripe_tries=F("stripe_tries") + 1)
        raise
    except StripeRefused:
        return None


def transfers_tell() -> int:
    """Tells Stripe of every transfer whose books are closed; returns how many. One that fails stops no other."""
    waiting = BankTransfer.objects.filter(undone_at=None, stripe_told_at=None).exclude(invoice__stripe_id="")
    told = 0
    for transfer in waiting.select_related("invoice__tenant").order_by("at"):
        if not books_closed(transfer.received_on):
            continue
        try:
            transfer_tell(transfer=transfer)
        except MeridianError as error:
            log.warning("transfer_not_told", invoice=str(transfer.invoice_id), why=type(error).__name__)
            continue  # tomorrow again; what a person has to do stands on the invoice
        told += 1
    return told


def _day_check(day: date) -> None:
    if day > timezone.now().date():
        raise InvoiceRefused("That day is still to come; take the one on which the bank booked the transfer.")
    if books_closed(day):
        raise InvoiceRefused(
            f"The books of {day:%B %Y} have been closed since {books_close_at(day):%Y-%m-%d}. Take a day of a month that is open."
        )


def _payable_check(invoice: Invoice, amount: Decimal) -> None:
    _state_check(invoice)
    if amount != invoice.owed:
        step = step_of(invoice.currency)
        raise InvoiceRefused(
            f"{invoice.owed.quantize(step):f} {invoice.currency} are left of {invoice.number}; a transfer that is noted here "
            "has to be that. What is missing is taken back first by a credit note; what is too much goes back to its payer."
        )


def transfer_possible(invoice: Invoice) -> bool:
    """Whether it could be paid by a transfer now."""
    try:
        _state_check(invoice)
    except InvoiceRefused:
        return False
    return True


def _state_check(invoice: Invoice) -> None:
    if invoice.state not in PAYABLE or not invoice.owed:
        raise InvoiceRefused(f"{invoice.number} is {invoice.get_state_display().lower()}; nothing of it is to be paid.")
    if invoice.state == State.DRAFT and (stripe_configured() or not rebuildable(invoice)):
        raise InvoiceRefused(f"{invoice.number} is a draft that goes through Stripe; send it first.")
    if invoice.state == State.OPEN and invoice.stripe_id and not invoice.sent_at:
        raise InvoiceRefused(f"{invoice.number} is still being sent; try again in a few minutes.")


def _paid(invoice: Invoice, transfer: BankTransfer) -> None:
    if invoice.state == State.DRAFT:
        invoice.finalized_at, invoice.send_again_at = timezone.now(), None
        invoice.send_attempts += 1  # a sender that is late finds that its claim is void
    invoice.state, invoice.problem = State.PAID, ""
    invoice.paid += transfer.amount
    invoice.paid_at = datetime.combine(transfer.received_on, time(), UTC)
    invoice.save(update_fields=FIELDS)


def _undo_check(invoice: Invoice, transfer: BankTransfer) -> None:
    if transfer.undone_at:
        raise InvoiceRefused("This transfer was taken back before.")
    if books_closed(transfer.received_on):
        raise InvoiceRefused(f"The books of {transfer.received_on:%B %Y} are closed; correct it with a credit note.")
    if transfer.stripe_asked_at:
        raise InvoiceRefused(f"Stripe was told that {invoice.number} is paid, and takes that back no more. Use a credit note.")
    if invoice.credit_notes.filter(created_at__gte=transfer.at, voided_at=None).exists():
        raise InvoiceRefused(f"{invoice.number} has a credit note that was made after it was paid; the payment stays.")


def _owed_again(invoice: Invoice, transfer: BankTransfer) -> None:
    invoice.state, invoice.paid_at, invoice.problem = transfer.state_before, None, ""
    invoice.paid = max(invoice.paid - transfer.amount, Decimal())
    if invoice.state == State.DRAFT:
        invoice.finalized_at = None
    invoice.save(update_fields=FIELDS)
