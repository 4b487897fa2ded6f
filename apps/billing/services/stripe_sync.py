"""An invoice on its way through Stripe: customer, draft, items, finalized, given to its customer; each step stored.

After a crash the next attempt goes on with the step that is not stored. What Stripe made and this side could not note down
is found again by its metadata, so nothing is made twice, also when Stripe has forgotten the idempotency keys (24 hours).
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format

from apps.billing import stripe_calls
from apps.billing.models import Invoice, InvoiceLine
from apps.billing.rounding import from_minor_units, minor_units, step_of
from apps.billing.services.stripe_claims import Claim, InvoiceBusy, invoice_claim
from apps.billing.services.stripe_customers import MARK, customer_ensure, key_of, pays_by_card
from apps.billing.services.stripe_states import invoice_apply, standing_update
from apps.billing.stripe_api import NOT_CONFIGURED, StripeMissing, StripeNotConfigured, StripeRefused, stripe_configured
from apps.core.errors import MeridianError

INVOICE_MARK, LINE_MARK = "meridian_invoice", "meridian_line"
MOST_ITEMS = 250  # of Stripe; the last one holds what is left over
REST = "rest"
LONGEST = 500  # characters of a description
Step = Invoice.Step
Json = dict[str, Any]


def invoice_send(*, invoice: Invoice) -> Invoice:
    """Sends an invoice through Stripe, or goes on where an earlier attempt broke off; sent already, it changes nothing.

    No transaction is open during a request. Raises StripeNotConfigured, StripeRefused (a person has to change something first),
    StripeUnavailable and InvoiceBusy (it goes on by itself). The reason is kept as the invoice's `problem`.
    """
    if not stripe_configured():
        raise StripeNotConfigured(NOT_CONFIGURED)
    if invoice.sent_at and invoice.step == Step.FINALIZED:
        return invoice
    claim = invoice_claim(invoice)
    try:
        _send(claim)
    except InvoiceBusy:
        raise
    except MeridianError as error:
        claim.failed(error)
        raise
    claim.done()
    return Invoice.objects.select_related("tenant").get(pk=invoice.pk)


def _send(claim: Claim) -> None:
    invoice = claim.invoice
    if invoice.sent_at and invoice.step == Step.FINALIZED:
        return None
    if not invoice.stripe_id and invoice.total == 0 and not _billed(invoice):
        return _close(claim)
    customer = customer_ensure(tenant=invoice.tenant, tries=invoice.stripe_tries)
    if invoice.step == Step.LOCAL:
        claim.step(step=Step.CUSTOMER)  # from here on it is not made anew, and until here it may have been
        invoice.refresh_from_db()
    try:
        _finish(claim, customer)
    except StripeMissing:
        if invoice.step not in (Step.CREATED, Step.ITEMS):
            raise
        _forget(claim)  # somebody deleted the draft at Stripe, where that is allowed
        _finish(claim, customer)
    return None


def _finish(claim: Claim, customer: Json) -> None:
    """The steps that are left."""
    steps: list[tuple[str, Callable[[Claim, Json], None]]] = [
        (Step.CUSTOMER, _draft),
        (Step.CREATED, _items),
        (Step.ITEMS, _finalize),
        (Step.FINALIZED, _give),
    ]
    for before, act in steps:
        if claim.invoice.step == before:
            act(claim, customer)


def _close(claim: Claim) -> None:
    """Nothing to pay and nothing to show: closed here, without Stripe."""
    now = timezone.now()
    claim.step(step=Step.FINALIZED, state=Invoice.State.PAID, finalized_at=now, paid_at=now, sent_at=now, problem="")


def _draft(claim: Claim, customer: Json) -> None:
    invoice = claim.invoice
    mark = str(invoice.pk)
    found = (row for row in stripe_calls.invoices_of(customer["id"]) if (row["metadata"] or {}).get(INVOICE_MARK) == mark)
    draft = next((row for row in found if row["status"] != "void"), None)
    if draft is None:
        params = _draft_params(invoice, customer)
        draft = stripe_calls.invoice_create(params, key=key_of("invoice", mark, params, invoice.stripe_tries))
    claim.step(step=Step.CREATED, stripe_id=draft["id"])


def _draft_params(invoice: Invoice, customer: Json) -> Json:
    card = pays_by_card(customer)
    params: Json = {
        "customer": customer["id"],
        "currency": invoice.currency.lower(),
        "collection_method": "charge_automatically" if card else "send_invoice",
        "auto_advance": False,  # Stripe would finalize it by itself after an hour, complete or not
        "pending_invoice_items_behavior": "exclude",
        "discounts": "",  # a customer's coupon at Stripe would change the total
        "description": f"Meridian, {date_format(invoice.month, 'F Y')} ({invoice.number})",
        "metadata": {INVOICE_MARK: str(invoice.pk), MARK: invoice.tenant.schema_name, "meridian_number": invoice.number},
        "automatic_tax": {"enabled": settings.STRIPE_AUTOMATIC_TAX},
    }
    return params if card else {**params, "days_until_due": settings.INVOICE_DUE_DAYS}


def _items(claim: Claim, customer: Json) -> None:
    """An item for each line that is not 0; those that are there already are left as they are."""
    invoice = claim.invoice
    there = {(item["metadata"] or {}).get(LINE_MARK, ""): item["id"] for item in stripe_calls.items_of(invoice.stripe_id)}
    for mark, lines, params in _wanted(invoice, customer["id"]):
        name = there.get(mark)
        if name is None:
            key = key_of("item", mark if mark != REST else f"{invoice.pk}-{REST}", params, invoice.stripe_tries)
            name = stripe_calls.item_create(params, key=key)["id"]
        InvoiceLine.objects.filter(pk__in=[line.pk for line in lines]).update(stripe_id=name)
        claim.step()
    claim.step(step=Step.ITEMS)


def _wanted(invoice: Invoice, customer: str) -> Iterator[tuple[str, list[InvoiceLine], Json]]:
    """What Stripe's invoice consists of. Of more lines than it takes the last ones become one item."""
    lines = list(_billed(invoice))
    whole, rest = (lines, []) if len(lines) <= MOST_ITEMS else (lines[: MOST_ITEMS - 1], lines[MOST_ITEMS - 1 :])
    for line in whole:
        yield str(line.pk), [line], _item_params(invoice, customer, str(line.pk), line.description, line.amount)
    if rest:
        amount = sum((line.amount for line in rest), Decimal())
        words = f"{len(rest)} more lines, each listed in Meridian"
        yield REST, rest, _item_params(invoice, customer, REST, words, amount)


def _billed(invoice: Invoice) -> Any:
    return invoice.lines.exclude(amount=0)


def _item_params(invoice: Invoice, customer: str, mark: str, description: str, amount: Decimal) -> Json:
    params: Json = {
        "customer": customer,
        "invoice": invoice.stripe_id,
        "amount": minor_units(amount, invoice.currency),
        "currency": invoice.currency.lower(),
        "description": description[:LONGEST],
        "discountable": False,
        "period": {"start": int(invoice.period_start.timestamp()), "end": int(invoice.period_end.timestamp())},
        "metadata": {LINE_MARK: mark, INVOICE_MARK: str(invoice.pk)},
    }
    return params | ({"tax_behavior": "exclusive"} if settings.STRIPE_AUTOMATIC_TAX else {})


def _finalize(claim: Claim, customer: Json) -> None:
    invoice = claim.invoice
    answer = stripe_calls.invoice_get(invoice.stripe_id)
    if answer["status"] == "draft":
        _totals_check(invoice, answer)
        automatic = answer["collection_method"] == "charge_automatically"
        params = {"auto_advance": automatic}
        key = key_of("finalize", answer["id"], params, invoice.stripe_tries)
        answer = stripe_calls.invoice_finalize(answer["id"], auto_advance=automatic, key=key)
    invoice_apply(invoice=invoice, answer=answer)
    claim.step(step=Step.FINALIZED, problem="")


def _totals_check(invoice: Invoice, draft: Json) -> None:
    """Raises StripeRefused unless Stripe's draft adds up to what the invoice says, before tax."""
    expected = minor_units(invoice.subtotal - invoice.credits, invoice.currency)
    lines = minor_units(sum((line.amount for line in _billed(invoice)), Decimal()), invoice.currency)
    there = draft["total_excluding_tax"] if draft.get("total_excluding_tax") is not None else draft["total"]
    if there == draft["subtotal"] == expected == lines:
        return

    def said(units: int) -> str:
        amount = from_minor_units(units, invoice.currency).quantize(step_of(invoice.currency))
        return f"{amount:f} {invoice.currency}"

    raise StripeRefused(
        f"Invoice {invoice.number} says {said(expected)}, its lines add up to {said(lines)} and its draft at Stripe to "
        f"{said(there)}. It was not finalized. Delete the draft {draft['id']} at Stripe and send the invoice again; "
        "if that does not help, void it here and make it anew."
    )


def _give(claim: Claim, customer: Json) -> None:
    """Mails it where nothing is charged; an invoice with a card is collected by Stripe, one of 0 is paid already."""
    invoice = claim.invoice
    answer = stripe_calls.invoice_get(invoice.stripe_id)
    if answer["status"] == "open" and answer["collection_method"] == "send_invoice":
        stripe_calls.invoice_mail(answer["id"], key=key_of("mail", answer["id"], {}, invoice.stripe_tries))
    claim.step(sent_at=timezone.now(), problem="")
    standing_update(tenant=invoice.tenant)


def _forget(claim: Claim) -> None:
    tries = claim.invoice.stripe_tries + 1  # the same key would bring the deleted one back
    claim.step(step=Step.CUSTOMER, stripe_id="", stripe_tries=tries)
    claim.invoice.lines.update(stripe_id="")


def invoices_resume() -> int:
    """Goes on with every invoice whose time has come: an outage passed, or a process died over it. Returns how many were sent."""
    due = Invoice.objects.filter(send_again_at__lte=timezone.now()).exclude(state=Invoice.State.VOID).order_by("send_again_at")
    sent = 0
    for invoice in list(due.select_related("tenant")[:100]):
        try:
            invoice_send(invoice=invoice)
        except MeridianError:
            continue  # it is written down with the invoice
        sent += 1
    return sent
