"""Bank transfers at Stripe: no card is charged while one counts, and it is told of a paid invoice when the books are closed.

Stripe cannot take back what it was told (https://docs.stripe.com/api/invoices/pay, `paid_out_of_band`), and takes no part.
"""

from typing import Any

import structlog
from django.db.models import F
from django.utils import timezone

from apps.billing import stripe_calls
from apps.billing.closing import books_closed
from apps.billing.models import BankTransfer, Invoice
from apps.billing.selectors.notes import notes_of
from apps.billing.selectors.transfers import transfers_counted, transfers_unconfirmed
from apps.billing.services.stripe_customers import key_of
from apps.billing.services.stripe_states import invoice_apply
from apps.billing.stripe_api import StripeRefused, StripeUnavailable, stripe_configured
from apps.core.errors import MeridianError

log = structlog.get_logger(__name__)
Json = dict[str, Any]


def card_charged(invoice: Invoice, *, without: BankTransfer | None = None) -> Json | None:
    """Stripe charges a card by itself again, where there is one to charge and no other transfer counts; what it says of it."""
    if not (invoice.stripe_id and stripe_configured()):
        return None
    answer = stripe_calls.invoice_get(invoice.stripe_id)
    others = any(one != without for one in transfers_counted(invoice))
    if answer["status"] == "open" and answer["collection_method"] == "charge_automatically" and not others:
        stripe_calls.invoice_advance(invoice.stripe_id, on=True)
    return answer


def transfers_tell_of(*, invoice: Invoice) -> Invoice:
    """Has Stripe count an invoice as paid that bank transfers paid, which is final. Told already or not at Stripe: nothing to do.

    Raises StripeRefused where its customer has paid at Stripe as well, StripeUnavailable, also while a credit note from before
    the payment is not at Stripe: made after it, it would become credit there.
    """
    rows = transfers_unconfirmed(invoice)
    last, paid = rows.last(), Invoice.objects.filter(pk=invoice.pk, state=Invoice.State.PAID).exclude(stripe_id="").exists()
    if last is None or not paid:
        return invoice
    if note := notes_of(invoice).filter(stripe_id="", after_payment__lt=F("amount")).first():
        raise StripeUnavailable(f"{note.number} of {invoice.number} is not at Stripe yet; it goes there by itself first.")
    again = rows.exclude(stripe_asked_at=None).exists()
    rows.update(stripe_asked_at=timezone.now())
    return _told(invoice, last, again)


def _told(invoice: Invoice, last: BankTransfer, again: bool) -> Invoice:
    answer = _pay(invoice, last)
    if answer is None:
        answer = stripe_calls.invoice_get(invoice.stripe_id)
        if answer["status"] != "paid" or not again:
            transfers_unconfirmed(invoice).update(stripe_asked_at=None)
            invoice_apply(invoice=invoice, answer=answer)
            raise StripeRefused(
                f"Stripe does not count {invoice.number} as paid by bank transfer; it is {answer['status']} there."
            )
    transfers_unconfirmed(invoice).update(stripe_told_at=timezone.now())
    return invoice_apply(invoice=invoice, answer=answer)


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
    """Tells Stripe of each invoice that transfers paid and whose books are closed; returns how many. A failure stops no other."""
    waiting = BankTransfer.objects.filter(undone_at=None, stripe_told_at=None).values("invoice")
    told = 0
    for invoice in Invoice.objects.filter(pk__in=waiting, state=Invoice.State.PAID).exclude(stripe_id="").order_by("paid_at"):
        if not all(books_closed(one.received_on) for one in transfers_counted(invoice)):
            continue
        try:
            transfers_tell_of(invoice=invoice)
        except MeridianError as error:
            log.warning("transfer_not_told", invoice=str(invoice.pk), why=type(error).__name__)
            continue  # tomorrow again; what a person has to do stands on the invoice
        told += 1
    return told
