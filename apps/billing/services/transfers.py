"""Invoices that are paid by bank transfer, at once or in parts: noted down, and taken back while the books of the month are open.

What came above what was left is kept with the transfer as its surplus, until it is said where it went. Stripe cannot take back
what it was told (transfers_stripe.py): until the books are closed it only charges no card, and what its customer pays there all
the same is found out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.billing import stripe_calls
from apps.billing.closing import books_close_at, books_closed
from apps.billing.locks import tenant_money_lock
from apps.billing.models import BankTransfer, Invoice, StaffAct
from apps.billing.rounding import payable_check, step_of
from apps.billing.selectors.transfers import transfers_counted
from apps.billing.services.invoices import InvoiceRefused, rebuildable
from apps.billing.services.settling import state_without
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.billing.services.stripe_states import invoice_apply, standing_update
from apps.billing.services.transfers_stripe import card_charged
from apps.billing.stripe_api import stripe_configured

State = Invoice.State
PAYABLE = (State.DRAFT, State.OPEN, State.UNCOLLECTIBLE)
FIELDS = ["state", "paid", "paid_at", "finalized_at", "problem", "send_attempts", "send_again_at", "updated_at"]


def transfer_note(
    *, invoice: Invoice, amount: Decimal, received_on: date, reference: str, by: str, more: bool = False, key: str = ""
) -> BankTransfer:
    """Counts a bank transfer towards an invoice, which is paid once nothing is left of it.

    `received_on` is the bank's day, `by` an e-mail address. `more`: it may be above what is left; the rest is its surplus.
    The same `key` again changes nothing. Where there is no Stripe to send it to, a draft is final by the first transfer.
    Raises InvoiceRefused for more than is left without `more`, a month whose books are closed, and an invoice that is settled,
    void or still being sent; StripeUnavailable while Stripe cannot be told to charge no card for it. Then nothing was changed.
    """
    values = {"amount": amount, "received_on": received_on, "reference": reference.strip()[:140]}
    if found := _noted(invoice, key, values):
        return found
    if not values["reference"]:
        raise InvoiceRefused("Give the reference of the transfer, as it stands on the statement of the account.")
    _day_check(received_on)
    _payable_check(invoice, amount, more)
    with _card_left_alone(invoice), schema_context("public"), transaction.atomic():
        tenant_money_lock(invoice.tenant)
        if made := _noted(invoice, key, values):
            return made
        fresh = Invoice.objects.select_for_update().get(pk=invoice.pk)
        _payable_check(fresh, amount, more)
        return _note(fresh, {**values, "by": by, "key": key})


def _note(invoice: Invoice, values: dict[str, object]) -> BankTransfer:
    """For the caller's transaction, which holds the invoice."""
    made = BankTransfer(invoice=invoice, state_before=_state_before(invoice), **values)
    made.applied = min(made.amount, invoice.owed)
    made.save(force_insert=True)
    _counted(invoice, made)
    words = f"{_text(made.amount, invoice)}, booked on {made.received_on}: {made.reference}"
    act_record(kind=StaffAct.Kind.PAID, tenant=invoice.tenant, subject=invoice.number, reason=words, by=made.by)
    standing_update(tenant=invoice.tenant)
    return made


def transfer_undo(*, transfer: BankTransfer, reason: str, by: str) -> Invoice:
    """What it paid is owed again; without any transfer the invoice is as it was before the first.

    Raises InvoiceRefused once the books of its month are closed, Stripe was told, what was paid was taken back by a credit note,
    or it was said where its surplus went; StripeUnavailable while Stripe cannot be asked. Then nothing was changed.
    """
    reason = reason_checked(reason)
    _undo_check(transfer.invoice, transfer)
    answer = card_charged(transfer.invoice, without=transfer)
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


def surplus_end(*, transfer: BankTransfer, reason: str, by: str) -> BankTransfer:
    """Its surplus is no longer here: it went back to its payer, or was noted down for another invoice; `reason` says which.

    Raises InvoiceRefused where it has none, or none any more.
    """
    reason = reason_checked(reason)
    with schema_context("public"), transaction.atomic():
        kept = BankTransfer.objects.select_for_update(of=("self",)).select_related("invoice__tenant").get(pk=transfer.pk)
        invoice, left = kept.invoice, kept.surplus
        if not left:
            raise InvoiceRefused("Nothing of this transfer is left over any more.")
        kept.ended_on, kept.ended_by, kept.ended_how = timezone.now().date(), by, reason[:500]
        kept.save(update_fields=["ended_on", "ended_by", "ended_how"])
        subject = f"{_text(left, invoice)} of {invoice.number}"
        act_record(kind=StaffAct.Kind.SURPLUS, tenant=invoice.tenant, subject=subject, reason=reason, by=by)
    return kept


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
        card_charged(invoice)
        raise


def _noted(invoice: Invoice, key: str, values: dict[str, object]) -> BankTransfer | None:
    """The transfer that a request with this key made. Raises InvoiceRefused where that said something else."""
    found = BankTransfer.objects.filter(key=key).first() if key else None
    if found and (found.invoice_id != invoice.pk or any(getattr(found, name) != value for name, value in values.items())):
        raise InvoiceRefused("This form was sent before with something else in it. Open the invoice again and look at it.")
    return found


def _day_check(day: date) -> None:
    if day > timezone.now().date():
        raise InvoiceRefused("That day is still to come; take the one on which the bank booked the transfer.")
    if books_closed(day):
        raise InvoiceRefused(
            f"The books of {day:%B %Y} have been closed since {books_close_at(day):%Y-%m-%d}. Take a day of a month that is open."
        )


def _payable_check(invoice: Invoice, amount: Decimal, more: bool) -> None:
    _state_check(invoice)
    payable_check(amount, invoice.currency)
    if amount <= 0:
        raise InvoiceRefused("The amount has to be above 0.")
    if amount > invoice.owed and not more:
        raise InvoiceRefused(
            f"{_text(invoice.owed, invoice)} are left of {invoice.number}. If the transfer really was more, say so: the rest is "
            "kept for the company until it is sent back or used."
        )


def transfer_possible(invoice: Invoice) -> bool:
    """Whether a transfer could be noted down for it now."""
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


def _state_before(invoice: Invoice) -> str:
    """What it would be without transfers: the first one made a draft final."""
    first = transfers_counted(invoice).first()
    return State.DRAFT if first and first.state_before == State.DRAFT else invoice.state


def _counted(invoice: Invoice, transfer: BankTransfer) -> None:
    if invoice.state == State.DRAFT:
        invoice.state, invoice.finalized_at, invoice.send_again_at = State.OPEN, timezone.now(), None
        invoice.send_attempts += 1  # a sender that is late finds that its claim is void
    invoice.paid += transfer.applied
    invoice.problem = ""
    if not invoice.owed:
        last = max(transfers_counted(invoice).values_list("received_on", flat=True))
        invoice.state, invoice.paid_at = State.PAID, datetime.combine(last, time(), UTC)
    invoice.save(update_fields=FIELDS)


def _undo_check(invoice: Invoice, transfer: BankTransfer) -> None:
    if transfer.undone_at:
        raise InvoiceRefused("This transfer was taken back before.")
    if books_closed(transfer.received_on):
        raise InvoiceRefused(f"The books of {transfer.received_on:%B %Y} are closed; correct it with a credit note.")
    if transfer.stripe_asked_at:
        raise InvoiceRefused(f"Stripe was told that {invoice.number} is paid, and takes that back no more. Use a credit note.")
    if transfer.ended_on:
        raise InvoiceRefused(f"What came above what was left went somewhere else ({transfer.ended_how}); the payment stays.")
    if invoice.credit_notes.filter(after_payment__gt=0, voided_at=None).exists():
        raise InvoiceRefused(f"{invoice.number} has a credit note that was made after it was paid; the payment stays.")


def _owed_again(invoice: Invoice, transfer: BankTransfer) -> None:
    invoice.paid = max(invoice.paid - transfer.applied, Decimal())
    if invoice.owed and invoice.state != State.VOID:
        invoice.state = state_without(transfer, others=transfers_counted(invoice).exists())
        invoice.paid_at, invoice.problem = None, ""
        if invoice.state == State.DRAFT:
            invoice.finalized_at = None
    invoice.save(update_fields=FIELDS)


def _text(amount: Decimal, invoice: Invoice) -> str:
    return f"{amount.quantize(step_of(invoice.currency)):f} {invoice.currency}"
