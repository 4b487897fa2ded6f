"""Invoices until they are sent: drafts that can be made anew, void ones, settled ones. Each function is one transaction."""

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.billing.locks import INVOICE_NUMBER, lock, tenant_money_lock
from apps.billing.models import Invoice, InvoiceLine
from apps.billing.months import month_bounds, month_first
from apps.billing.selectors.plans import month_shares
from apps.billing.selectors.prices import tenant_currency
from apps.billing.services.credits import credited_carry
from apps.billing.services.invoice_claims import currencies_open, entries_free
from apps.billing.services.invoice_lines import credits_free, credits_use, lines_make
from apps.billing.services.stripe_queue import withdraw_queue
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

PREFIX, DIGITS = "INV-", 7


class InvoiceRefused(PermanentError):
    """What cannot be done with an invoice, as a sentence."""


class NothingToInvoice(PermanentError):
    """Nothing was used and no plan costs a fee; no invoice was made."""


def invoice_draft(*, tenant: Tenant, month: date, currency: str = "") -> Invoice:
    """A tenant's invoice for a month, made anew while it is a draft that was not sent: the same usage makes the same invoice.

    It takes every entry in its currency before the month's end that is on no invoice yet, in one transaction: a crash leaves all
    or nothing. `currency` (ISO 4217) is the tenant's own where none is named; invoice_currencies says which there are.
    Raises InvoiceRefused while the month runs and once the invoice was sent, and NothingToInvoice.
    """
    with schema_context("public"), transaction.atomic():
        tenant_money_lock(tenant)
        return _draft(tenant, month_first(month), currency or tenant_currency(tenant))


def invoice_void(*, invoice: Invoice) -> Invoice:
    """It counts no more: its entries and credits are open again, for the next invoice. Doing it again changes nothing.

    What credit notes took back of it becomes a credit, so that it is not charged again with what was on it.
    Raises InvoiceRefused for one that was paid: that takes a credit note. Whoever voids one that was sent tells Stripe as well.
    """
    with schema_context("public"), transaction.atomic():
        tenant_money_lock(invoice.tenant)
        found = Invoice.objects.select_for_update().get(pk=invoice.pk)
        if found.state == Invoice.State.VOID:
            return found
        if found.state == Invoice.State.PAID and found.total:
            raise InvoiceRefused(f"{found.number} is paid; take money back with a credit note.")
        entries_free(found)
        credits_free(found)
        credited_carry(invoice=found)
        found.state, found.voided_at = Invoice.State.VOID, timezone.now()
        found.save(update_fields=["state", "voided_at", "updated_at"])
        withdraw_queue(found)
    return found


def invoice_settle(*, invoice: Invoice) -> Invoice:
    """Closes a draft that comes out at 0, such as one that its plan or credits cover: it is paid, and is sent to nobody.

    Raises InvoiceRefused when there is something to pay.
    """
    with schema_context("public"), transaction.atomic():
        found = Invoice.objects.select_for_update().get(pk=invoice.pk)
        if found.total:
            raise InvoiceRefused(f"{found.number} is not settled: {found.total} {found.currency} are to be paid.")
        if found.state == Invoice.State.DRAFT:
            found.state, found.paid_at, found.finalized_at = Invoice.State.PAID, timezone.now(), timezone.now()
            found.save(update_fields=["state", "paid_at", "finalized_at", "updated_at"])
    return found


def invoice_of(tenant: Tenant, month: date, currency: str) -> Invoice | None:
    """The invoice of a month that counts, in a currency."""
    return invoices_of(tenant, month).filter(currency=currency).first()


def invoices_of(tenant: Tenant, month: date) -> QuerySet[Invoice]:
    """The invoices of a month that count: one for each currency."""
    return Invoice.objects.filter(tenant=tenant, month=month).exclude(state=Invoice.State.VOID)


def invoice_currencies(tenant: Tenant, month: date) -> list[str]:
    """In which a month is invoiced, the tenant's own first: of usage that is on no invoice, of plans, and of what was made.

    Amounts in two currencies cannot be on one invoice, such as after the tenant's was changed.
    """
    own, end = tenant_currency(tenant), month_bounds(month, tenant.timezone)[1]
    plans = {share.subscription.plan.currency for share in month_shares(tenant, month) if share.fee() or share.seats_fee()}
    made = invoices_of(tenant, month).values_list("currency", flat=True)
    return sorted({own, *plans, *made, *currencies_open(tenant, end)}, key=lambda currency: (currency != own, currency))


def rebuildable(invoice: Invoice) -> bool:
    """Whether it may be made anew: a draft of which nothing was told to Stripe, and which nobody is sending."""
    sending = invoice.sending_until is not None and invoice.sending_until > timezone.now()
    return invoice.state == Invoice.State.DRAFT and invoice.step == Invoice.Step.LOCAL and not invoice.stripe_id and not sending


def _draft(tenant: Tenant, month: date, currency: str) -> Invoice:
    begin, end = month_bounds(month, tenant.timezone)
    if end > timezone.now():
        raise InvoiceRefused(
            f"{month:%B %Y} is not over in {tenant.timezone}; its invoice can be made from {end:%Y-%m-%d %H:%M} UTC."
        )
    found = invoices_of(tenant, month).select_for_update().filter(currency=currency).first()
    if found is not None and not rebuildable(found):
        raise InvoiceRefused(f"{found.number} was sent already, or is being sent; void it, or correct it with a credit note.")
    invoice = found or Invoice(tenant=tenant, month=month, currency=currency)
    invoice.period_start, invoice.period_end = begin, end
    if found is None:
        invoice.number = invoice.pk.hex  # until it is known that there is something to invoice: numbers have no holes
        invoice.save(force_insert=True)
    else:
        _empty(invoice)
        invoice.send_attempts += 1  # a sender that is late finds that its claim is void
        invoice.problem, invoice.send_again_at = "", None
    _build(invoice, tenant, new=found is None)
    return invoice


def _build(invoice: Invoice, tenant: Tenant, *, new: bool) -> None:
    lines = lines_make(invoice, tenant)
    if new and not any(line.exact for line in lines):
        raise NothingToInvoice(f"{tenant.name} used nothing that costs anything in {invoice.month:%B %Y}, and no fee is due.")
    invoice.subtotal = sum((line.amount for line in lines), Decimal(0))
    invoice.credits = credits_use(invoice, lines)
    invoice.total = invoice.subtotal - invoice.credits
    if new:
        invoice.number = _next_number()
    invoice.save()


def _empty(invoice: Invoice) -> None:
    entries_free(invoice)
    credits_free(invoice)
    InvoiceLine.objects.filter(invoice=invoice).delete()


def _next_number() -> str:
    """One more than the last, under a lock that lasts until the commit: no number is left out, and none comes twice."""
    lock(INVOICE_NUMBER)
    last = Invoice.objects.filter(number__startswith=PREFIX).order_by("-number").values_list("number", flat=True).first()
    return f"{PREFIX}{int(last.removeprefix(PREFIX)) + 1 if last else 1:0{DIGITS}}"
