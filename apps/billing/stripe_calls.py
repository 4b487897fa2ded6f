"""Every request that Meridian makes to Stripe, each in a function of its own, with plain objects as answers.

Amounts are in the currency's smallest unit as Stripe writes it (services/rounding.py). Each raises StripeUnavailable or
StripeRefused. `key` is the idempotency key: https://docs.stripe.com/api/idempotent_requests
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from apps.billing.stripe_api import client, stripe_errors

Json = dict[str, Any]
PAGE = 100
FAILURES = ["payments.data.payment.payment_intent"]  # why a card was declined


def customer_create(params: Json, *, key: str) -> Json:
    return _ask(client().customers.create, params=params, key=key)


def customer_update(customer: str, params: Json) -> Json:
    """`deleted` is true for one that was deleted."""
    return _ask(client().customers.update, customer, params=params)


def customers_since(moment: datetime) -> Iterator[Json]:
    """Customers made at this moment or later, newest first."""
    return _pages(client().customers.list, {"created": {"gte": int(moment.timestamp())}})


def customers_with(name: str, value: str) -> list[Json]:
    """Customers by metadata. Search lags behind by up to a minute, and longer while Stripe has trouble."""
    return list(_ask(client().customers.search, params={"query": f"metadata['{name}']:'{value}'"})["data"])


def tax_ids_of(customer: str) -> list[Json]:
    return list(_pages(lambda params, options: client().customers.tax_ids.list(customer, params, options), {}))


def tax_id_create(customer: str, kind: str, value: str, *, key: str) -> Json:
    return _ask(client().customers.tax_ids.create, customer, params={"type": kind, "value": value}, key=key)


def tax_id_delete(customer: str, tax_id: str) -> None:
    _ask(client().customers.tax_ids.delete, customer, tax_id)


def portal_create(customer: str, return_url: str) -> Json:
    return _ask(client().billing_portal.sessions.create, params={"customer": customer, "return_url": return_url})


def invoice_create(params: Json, *, key: str) -> Json:
    return _ask(client().invoices.create, params=params, key=key)


def invoice_get(invoice: str) -> Json:
    """With its payments, so that the reason of a failed one is at hand."""
    return _ask(client().invoices.retrieve, invoice, params={"expand": FAILURES})


def invoices_of(customer: str) -> Iterator[Json]:
    """A customer's invoices, newest first."""
    return _pages(client().invoices.list, {"customer": customer})


def invoices_since(moment: datetime) -> Iterator[Json]:
    """The account's invoices made at this moment or later, newest first."""
    return _pages(client().invoices.list, {"created": {"gte": int(moment.timestamp())}})


def item_create(params: Json, *, key: str) -> Json:
    return _ask(client().invoice_items.create, params=params, key=key)


def items_of(invoice: str) -> list[Json]:
    return list(_pages(client().invoice_items.list, {"invoice": invoice}))


def invoice_finalize(invoice: str, *, auto_advance: bool, key: str) -> Json:
    """With `auto_advance` Stripe charges the customer's card, and tries again by its own rules where that fails."""
    return _ask(client().invoices.finalize_invoice, invoice, params={"auto_advance": auto_advance}, key=key)


def invoice_mail(invoice: str, *, key: str) -> Json:
    """Stripe mails the invoice to the customer; in test mode it only says that it did."""
    return _ask(client().invoices.send_invoice, invoice, key=key)


def invoice_advance(invoice: str, *, on: bool) -> Json:
    """Whether Stripe charges a card for it by itself."""
    return _ask(client().invoices.update, invoice, params={"auto_advance": on})


def invoice_pay_outside(invoice: str, *, key: str) -> Json:
    """Counts it as paid by other means than Stripe, which cannot be taken back."""
    return _ask(client().invoices.pay, invoice, params={"paid_out_of_band": True, "expand": FAILURES}, key=key)


def invoice_void(invoice: str, *, key: str) -> Json:
    return _ask(client().invoices.void_invoice, invoice, key=key)


def invoice_write_off(invoice: str, *, key: str) -> Json:
    """Stripe stops collecting it; whoever has its page can still pay it."""
    return _ask(client().invoices.mark_uncollectible, invoice, key=key)


def invoice_delete(invoice: str) -> None:
    """Only a draft can be deleted."""
    _ask(client().invoices.delete, invoice)


def credit_note_create(params: Json, *, key: str) -> Json:
    return _ask(client().credit_notes.create, params=params, key=key)


def credit_note_get(note: str) -> Json:
    return _ask(client().credit_notes.retrieve, note)


def credit_notes_of(invoice: str) -> list[Json]:
    return list(_pages(client().credit_notes.list, {"invoice": invoice}))


def dispute_get(dispute: str) -> Json:
    return _ask(client().disputes.retrieve, dispute)


def invoices_paid_by(payment_intent: str) -> list[str]:
    """The ids of the invoices that a payment was for."""
    params = {"payment": {"type": "payment_intent", "payment_intent": payment_intent}}
    return [str(row["invoice"]) for row in _pages(client().invoice_payments.list, params)]


def _ask(method: Callable[..., Any], *names: str, params: Json | None = None, key: str = "") -> Json:
    options = {"idempotency_key": key} if key else {}
    with stripe_errors():
        answer: Json = method(*names, params=params or {}, options=options).to_dict()
    return answer


def _pages(method: Callable[..., Any], params: Json) -> Iterator[Json]:
    """Every row of a list, page by page."""
    after: Json = {}
    while True:
        page = _ask(method, params={**params, "limit": PAGE, **after})
        yield from page["data"]
        if not page["has_more"] or not page["data"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}
