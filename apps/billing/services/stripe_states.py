"""What Stripe says of an invoice, taken over so that the order of saying does not matter; and where its tenant then stands."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.billing.models import BillingProfile, Invoice
from apps.billing.rounding import from_minor_units
from apps.billing.selectors.notes import notes_sum
from apps.billing.selectors.transfers import applied_sum, transfers_untold
from apps.billing.services.invoices import invoice_void
from apps.tenants.models import Tenant

State, Standing = Invoice.State, BillingProfile.Standing
STATES = {"open": State.OPEN, "paid": State.PAID, "uncollectible": State.UNCOLLECTIBLE, "void": State.VOID}
# An answer that was fetched earlier may be applied later: states only go on, as they do at Stripe.
ONWARD: dict[str, set[str]] = {
    State.DRAFT: {State.OPEN, State.PAID, State.UNCOLLECTIBLE, State.VOID},
    State.OPEN: {State.PAID, State.UNCOLLECTIBLE, State.VOID},
    State.UNCOLLECTIBLE: {State.PAID, State.VOID},
    State.PAID: set(),
    State.VOID: set(),
}
CONFIRM = "The payment has to be confirmed with the bank. Open the invoice's page and pay it there."
TWICE = (
    "It was paid by bank transfer, or in part, and paid at Stripe as well. Give what is too much back: refund it at Stripe, or "
    "send the transfer back and take its note back here."
)
Json = dict[str, Any]


def invoice_apply(*, invoice: Invoice, answer: Json) -> Invoice:
    """Takes over what Stripe's invoice says; a draft there says nothing. `answer` is in Stripe's shape.

    One that was voided there is voided here, so that what was on it is invoiced again.
    """
    if STATES.get(answer["status"]) == State.VOID and invoice.state != State.PAID:
        # Those of its credit notes too that were made at Stripe and not heard of yet.
        open_ones = Invoice.objects.filter(pk=invoice.pk, state__in=(State.OPEN, State.UNCOLLECTIBLE))
        open_ones.filter(credited__lt=_credited(invoice, answer)).update(credited=_credited(invoice, answer))
        invoice_void(invoice=invoice)
    with transaction.atomic():
        fresh = Invoice.objects.select_for_update().get(pk=invoice.pk)
        if answer["status"] in STATES:
            _state(fresh, answer)
            _amounts(fresh, answer)
            _papers(fresh, answer)
            fresh.problem = _problem(fresh, answer)
            fresh.save(update_fields=FIELDS)
        standing_update(tenant=fresh.tenant)
    for name in FIELDS:
        setattr(invoice, name, getattr(fresh, name))
    return invoice


FIELDS = [
    "state", "paid_at", "voided_at", "written_off_at", "finalized_at", "due_at", "tax", "total", "paid", "credited", "balance",
    "payment_attempts", "stripe_number", "hosted_url", "pdf_url", "problem", "updated_at",
]  # fmt: skip


def _state(invoice: Invoice, answer: Json) -> None:
    wanted = STATES[answer["status"]]
    if wanted in ONWARD[invoice.state]:
        invoice.state = wanted
    stamps = answer["status_transitions"]
    invoice.finalized_at = invoice.finalized_at or moment(stamps.get("finalized_at"))
    invoice.paid_at = invoice.paid_at or moment(stamps.get("paid_at"))
    invoice.written_off_at = invoice.written_off_at or moment(stamps.get("marked_uncollectible_at"))
    invoice.voided_at = invoice.voided_at or moment(stamps.get("voided_at"))
    # What is charged by itself is due when it is finalized.
    invoice.due_at = moment(answer.get("due_date")) or invoice.due_at or invoice.finalized_at


def _amounts(invoice: Invoice, answer: Json) -> None:
    def amount(units: int | None) -> Any:
        return from_minor_units(units or 0, invoice.currency)

    before_tax = answer.get("total_excluding_tax")
    invoice.total = amount(answer["total"])
    invoice.tax = amount(answer["total"] - before_tax) if before_tax is not None else invoice.tax
    invoice.credited = _credited(invoice, answer)
    invoice.balance = amount(_balance(answer))
    invoice.paid = max(invoice.paid, _paid(invoice, amount(answer["amount_paid"])))
    invoice.payment_attempts = max(invoice.payment_attempts, answer.get("attempt_count") or 0)


def _paid(invoice: Invoice, there: Decimal) -> Decimal:
    """What was paid at Stripe, and by bank transfers that it knows nothing of; paid twice, it still is paid once."""
    return max(there, min(there + applied_sum(transfers_untold(invoice)), invoice.total - invoice.balance))


def _credited(invoice: Invoice, answer: Json) -> Decimal:
    """What credit notes took back, by our own and by Stripe's count: either may not have heard of one yet."""
    notes = (answer.get("pre_payment_credit_notes_amount") or 0) + (answer.get("post_payment_credit_notes_amount") or 0)
    return max(notes_sum(invoice), from_minor_units(notes, invoice.currency))


def _balance(answer: Json) -> int:
    """What finalizing took off the customer's balance, which is below 0 where that is credit: such as of a credit note.

    https://docs.stripe.com/api/invoices/object#invoice_object-ending_balance
    """
    ending = answer.get("ending_balance")
    return 0 if ending is None else int(ending) - int(answer.get("starting_balance") or 0)


def _papers(invoice: Invoice, answer: Json) -> None:
    invoice.stripe_number = answer.get("number") or invoice.stripe_number
    invoice.hosted_url = answer.get("hosted_invoice_url") or invoice.hosted_url
    invoice.pdf_url = answer.get("invoice_pdf") or invoice.pdf_url


def _problem(invoice: Invoice, answer: Json) -> str:
    """Why the last payment failed, while that still matters; or that it was paid twice."""
    if answer["status"] == "paid" and transfers_untold(invoice).exists():
        return TWICE
    if invoice.state != State.OPEN:
        return ""
    reasons = [reason for row in (answer.get("payments") or {}).get("data", []) if (reason := _reason(row))]
    return reasons[-1][:500] if reasons else invoice.problem


def _reason(payment: Json) -> str:
    intent = (payment.get("payment") or {}).get("payment_intent")
    if not isinstance(intent, dict):
        return ""
    if intent.get("status") == "requires_action":
        return CONFIRM
    message = (intent.get("last_payment_error") or {}).get("message")
    return f"The payment failed: {message}" if message else ""


def moment(stamp: int | None) -> datetime | None:
    """A Unix time of Stripe as a moment."""
    return datetime.fromtimestamp(stamp, UTC) if stamp else None


def standing_update(*, tenant: Tenant) -> str:
    """Where a tenant stands by what it owes now; returns it.

    Past due from the due date on; restricted once a final notice was in vain, or an invoice was written off and not voided.
    """
    standing = _standing(tenant)
    if standing != Standing.GOOD:
        BillingProfile.objects.get_or_create(tenant=tenant)
    change = BillingProfile.objects.filter(tenant=tenant).exclude(standing=standing)
    change.update(standing=standing, standing_since=timezone.now(), updated_at=timezone.now())
    return standing


def _standing(tenant: Tenant) -> str:
    now = timezone.now()
    in_vain = Q(dunning=Invoice.Dunning.FINAL, dunning_at__lte=now - grace(), due_at__lte=now - restrict_after())
    owed = Invoice.objects.filter(tenant=tenant)
    if owed.filter(Q(state=State.UNCOLLECTIBLE) | Q(state=State.OPEN) & in_vain).exists():
        return str(Standing.RESTRICTED)
    overdue = owed.filter(state=State.OPEN, due_at__lt=now).exists()
    return str(Standing.PAST_DUE if overdue else Standing.GOOD)


def restrict_after() -> timedelta:
    """How long after its due date an invoice that is still open restricts its tenant."""
    return timedelta(days=settings.DUNNING_DAYS[3])


def grace() -> timedelta:
    """How long after the final notice at the least."""
    return timedelta(days=max(0, settings.DUNNING_DAYS[3] - settings.DUNNING_DAYS[2]))
