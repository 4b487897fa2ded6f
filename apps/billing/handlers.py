"""What Stripe's webhooks do: one function for each kind of event, any order, any number of times."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apps.billing.models import BillingProfile, Invoice
from apps.billing.services.stripe_events import credit_note_refresh, dispute_invoices, dispute_refresh, invoice_refresh
from apps.billing.stripe_api import StripeMissing, StripeNotConfigured, stripe_configured
from apps.billing.stripe_calls import dispute_get
from apps.billing.webhooks import PROVIDER
from apps.core.errors import Ignored
from apps.core.inbox import handler, provider_register
from apps.core.models import InboundEvent

INVOICE_KINDS = (
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "invoice.marked_uncollectible",
)
DISPUTE_KINDS = ("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed")
NOTE_KINDS = ("credit_note.created", "credit_note.updated", "credit_note.voided")
PAYMENT_KINDS = ("invoice_payment.paid",)  # also a part of what is due, such as one bank transfer of two
KINDS = {*INVOICE_KINDS, *DISPUTE_KINDS, *NOTE_KINDS, *PAYMENT_KINDS}


def tenant_of(event: InboundEvent) -> str | None:
    """By the invoice, or else the customer. A dispute names neither, so Stripe is asked which invoice was paid."""
    about = _object(event)
    if event.kind not in KINDS or not stripe_configured():
        return None
    if event.kind in DISPUTE_KINDS:
        return _disputed(_name(event))
    named = about.get("invoice") if event.kind in (*NOTE_KINDS, *PAYMENT_KINDS) else about.get("id")
    invoice = Invoice.objects.select_related("tenant").filter(stripe_id=named or "none").first()
    if invoice is not None:
        return str(invoice.tenant.schema_name)
    profile = BillingProfile.objects.select_related("tenant").filter(stripe_customer_id=about.get("customer") or "none").first()
    return str(profile.tenant.schema_name) if profile else None


def _disputed(name: str) -> str | None:
    try:
        found = dispute_invoices(dispute_get(name))
    except StripeMissing:
        return None
    return str(found[0].tenant.schema_name) if found else None


def unrouted(event: InboundEvent) -> None:
    """Others may use the same Stripe account."""
    if event.kind not in KINDS:
        raise Ignored(f"Nothing here listens to {event.kind}.")
    if not stripe_configured():
        raise StripeNotConfigured("STRIPE_SECRET_KEY is not set here, so what this is about cannot be fetched. Set it.")
    raise Ignored("This is about nobody that Meridian invoices.")


def invoice_changed(event: InboundEvent) -> None:
    with _still_there():
        invoice_refresh(stripe_id=_name(event))


def payment_arrived(event: InboundEvent) -> None:
    with _still_there():
        invoice_refresh(stripe_id=_name(event, "invoice"))


def dispute_changed(event: InboundEvent) -> None:
    with _still_there():
        dispute_refresh(stripe_id=_name(event))


def credit_note_changed(event: InboundEvent) -> None:
    with _still_there():
        credit_note_refresh(stripe_id=_name(event))


@contextmanager
def _still_there() -> Iterator[None]:
    try:
        yield
    except StripeMissing as error:
        raise Ignored("It is gone at Stripe, so there is nothing to take over.") from error


def _object(event: InboundEvent) -> dict[str, Any]:
    found = event.payload.get("object")
    return found if isinstance(found, dict) else {}


def _name(event: InboundEvent, key: str = "id") -> str:
    name = _object(event).get(key)
    if not isinstance(name, str) or not name:
        raise Ignored("The event does not say what it is about.")
    return name


for _kinds, _function in (
    (INVOICE_KINDS, invoice_changed),
    (DISPUTE_KINDS, dispute_changed),
    (NOTE_KINDS, credit_note_changed),
    (PAYMENT_KINDS, payment_arrived),
):
    for _kind in _kinds:
        handler(PROVIDER, _kind)(_function)
provider_register(PROVIDER, tenant_of=tenant_of, unrouted=unrouted)
