"""The journal of a month for the accounts: what was invoiced, taken back, paid and written off, each document in balance.

Months are those of UTC, by the moment at which something happened; `service_month` is the one that was used. A bank transfer is
booked on the bank's day, also one that paid a part; what came in parts through Stripe, when the invoice is paid in full. Money
that a bank took back by a dispute is not in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from apps.billing.models import BankTransfer, CreditNote, Invoice, InvoiceLine
from apps.billing.rounding import rounded_to
from apps.billing.selectors.staff.sums import ZERO, month_bounds
from apps.billing.selectors.transfers import applied_sum, transfers_counted

Kind, State = InvoiceLine.Kind, Invoice.State


class Account(StrEnum):
    """What is booked on; an accountant maps each to a number of the chart that is in use."""

    RECEIVABLES = "receivables"
    FEES = "revenue_fees"
    USAGE = "revenue_usage"
    REDUCTIONS = "revenue_reductions"  # included in the plan, volume prices
    CREDITS = "credits_given"
    NOTES = "credit_notes"
    TAX = "tax_payable"
    BALANCE = "customer_balances"  # at Stripe
    ABOVE = "overpayments"  # what bank transfers brought above their invoices
    BANK = "bank"
    STRIPE = "stripe"
    BAD_DEBT = "bad_debt"
    UNEXPLAINED = "unexplained"  # an invoice whose lines do not add up to it; stripe_reconcile names it


LINE_ACCOUNTS: dict[str, Account] = {
    Kind.FEE: Account.FEES,
    Kind.SEATS: Account.FEES,
    Kind.USAGE: Account.USAGE,
    Kind.INCLUDED: Account.REDUCTIONS,
    Kind.TIER: Account.REDUCTIONS,
    Kind.CREDIT: Account.CREDITS,
}
Amounts = dict[str, Decimal]  # by account; above 0 is debit, below is credit


@dataclass(frozen=True)
class Posting:
    """One row: an amount on an account. Of `debit` and `credit` one is 0."""

    at: datetime
    event: str
    document: str
    invoice: Invoice
    account: str
    debit: Decimal
    credit: Decimal
    text: str


def journal_postings(month: date) -> Iterator[Posting]:
    """All of a month, by what happened; the rows of a document stand together and are in balance."""
    start, end = month_bounds(month)
    yield from _invoiced(Q(finalized_at__gte=start, finalized_at__lt=end))
    yield from _noted(Q(created_at__gte=start, created_at__lt=end))
    yield from _notes_void(Q(voided_at__gte=start, voided_at__lt=end))
    yield from _written_off(Q(written_off_at__gte=start, written_off_at__lt=end))
    yield from _transferred(Q(received_on__gte=start.date(), received_on__lt=end.date()))
    yield from _paid(Q(paid_at__gte=start, paid_at__lt=end))
    yield from _gone(Q(ended_on__gte=start.date(), ended_on__lt=end.date()))
    yield from _void(Q(voided_at__gte=start, voided_at__lt=end, finalized_at__isnull=False))


def invoices_booked() -> "QuerySet[Invoice]":
    """Whatever was made final, those too that are void now."""
    return Invoice.objects.exclude(state=State.DRAFT).select_related("tenant").order_by("finalized_at", "pk")


def _invoiced(which: Q) -> Iterator[Posting]:
    found = list(invoices_booked().filter(which))
    lines = _lines([invoice.pk for invoice in found])
    for invoice in found:
        yield from _posted(invoice.finalized_at, "invoice", invoice, invoice.number, _charged(invoice, lines))


def _void(which: Q) -> Iterator[Posting]:
    """The invoice the other way round; what credit notes took back of it is charged anew less a credit, so they go too."""
    found = list(invoices_booked().filter(which, state=State.VOID))
    lines = _lines([invoice.pk for invoice in found])
    for invoice in found:
        yield from _posted(invoice.voided_at, "void", invoice, invoice.number, _turned(_charged(invoice, lines)))
        for note in invoice.credit_notes.filter(voided_at=None):
            yield from _posted(invoice.voided_at, "void", invoice, note.number, _turned(_taken_back(note)))
        for transfer in _transfers().filter(invoice=invoice):
            freed: Amounts = {Account.RECEIVABLES: transfer.applied, Account.ABOVE: -transfer.applied}
            yield from _posted(invoice.voided_at, "void", invoice, invoice.number, freed, transfer.reference)
        yield from _recovered(invoice, invoice.voided_at)


def _noted(which: Q) -> Iterator[Posting]:
    for note in _notes().filter(which):
        yield from _posted(note.created_at, "credit_note", note.invoice, note.number, _taken_back(note), note.reason)


def _notes_void(which: Q) -> Iterator[Posting]:
    for note in _notes().filter(which):
        yield from _posted(note.voided_at, "credit_note_void", note.invoice, note.number, _turned(_taken_back(note)), note.reason)


def _notes() -> "QuerySet[CreditNote]":
    return CreditNote.objects.select_related("invoice__tenant").order_by("created_at", "pk")


def _paid(which: Q) -> Iterator[Posting]:
    """What did not come by bank transfer."""
    for invoice in invoices_booked().filter(which, state=State.PAID, paid__gt=0):
        rest = invoice.paid - applied_sum(transfers_counted(invoice))
        amounts: Amounts = {Account.STRIPE: rest, Account.RECEIVABLES: -rest}
        yield from _posted(invoice.paid_at, "payment", invoice, invoice.number, amounts)
        yield from _recovered(invoice, invoice.paid_at)


def _transferred(which: Q) -> Iterator[Posting]:
    """On the bank's day; of an invoice that was given up, what came is a loss no more."""
    for transfer in _transfers().filter(which):
        invoice, above = transfer.invoice, transfer.amount - transfer.applied
        amounts: Amounts = {Account.BANK: transfer.amount, Account.RECEIVABLES: -transfer.applied, Account.ABOVE: -above}
        at = datetime.combine(transfer.received_on, time(), UTC)
        yield from _posted(at, "payment", invoice, invoice.number, amounts, transfer.reference)
        if invoice.written_off_at and transfer.at >= invoice.written_off_at:
            back: Amounts = {Account.RECEIVABLES: transfer.applied, Account.BAD_DEBT: -transfer.applied}
            yield from _posted(at, "write_off_void", invoice, invoice.number, back)


def _gone(which: Q) -> Iterator[Posting]:
    """What had come above an invoice went back to its payer, or was noted down for another invoice."""
    for transfer in _transfers().filter(which):
        assert transfer.ended_on is not None  # the query asks for it
        amounts: Amounts = {Account.ABOVE: transfer.above, Account.BANK: -transfer.above}
        at = datetime.combine(transfer.ended_on, time(), UTC)
        yield from _posted(at, "payment_returned", transfer.invoice, transfer.invoice.number, amounts, transfer.ended_how)


def _transfers() -> "QuerySet[BankTransfer]":
    found = BankTransfer.objects.filter(undone_at=None).select_related("invoice__tenant")
    return found.order_by("received_on", "at", "pk")


def _written_off(which: Q) -> Iterator[Posting]:
    for invoice in invoices_booked().filter(which):
        amounts: Amounts = {Account.BAD_DEBT: _lost(invoice), Account.RECEIVABLES: -_lost(invoice)}
        yield from _posted(invoice.written_off_at, "write_off", invoice, invoice.number, amounts)


def _recovered(invoice: Invoice, at: datetime | None) -> Iterator[Posting]:
    """What was written off before it was paid, or voided, after all; what transfers brought since then was said with them."""
    if invoice.written_off_at:
        since = applied_sum(transfers_counted(invoice).filter(at__gte=invoice.written_off_at))
        lost = _lost(invoice) - since
        amounts: Amounts = {Account.RECEIVABLES: lost, Account.BAD_DEBT: -lost}
        yield from _posted(at, "write_off_void", invoice, invoice.number, amounts)


def _lost(invoice: Invoice) -> Decimal:
    """What was open when it was given up."""
    transfers = transfers_counted(invoice)
    by_stripe = ZERO if invoice.state == State.PAID else invoice.paid - applied_sum(transfers)
    before = applied_sum(transfers.filter(at__lt=invoice.written_off_at))
    return invoice.total - invoice.credited - invoice.balance - by_stripe - before


def _charged(invoice: Invoice, lines: Mapping[UUID, Amounts]) -> Amounts:
    amounts = _turned(lines.get(invoice.pk, {}))
    amounts[Account.TAX] = -invoice.tax
    amounts[Account.RECEIVABLES] = invoice.total - invoice.balance
    amounts[Account.BALANCE] = invoice.balance
    return amounts | {Account.UNEXPLAINED: -sum(amounts.values(), ZERO)}


def _taken_back(note: CreditNote) -> Amounts:
    """With its share of the tax. What of it was paid by then became credit of the customer at Stripe."""
    invoice = note.invoice
    tax = rounded_to(note.amount * invoice.tax / invoice.total, invoice.currency) if invoice.total else ZERO
    after = note.after_payment
    return {Account.NOTES: note.amount - tax, Account.TAX: tax, Account.RECEIVABLES: after - note.amount, Account.BALANCE: -after}


def _turned(amounts: Amounts) -> Amounts:
    return {account: -amount for account, amount in amounts.items()}


def _lines(keys: list[UUID]) -> dict[UUID, Amounts]:
    found: dict[UUID, Amounts] = {}
    rows = InvoiceLine.objects.filter(invoice__in=keys).order_by("invoice", "kind").values("invoice", "kind")
    for row in rows.annotate(sum=Sum("amount")):
        of = found.setdefault(row["invoice"], {})
        account = LINE_ACCOUNTS[row["kind"]]
        of[account] = of.get(account, ZERO) + row["sum"]
    return found


def _posted(
    at: datetime | None, event: str, invoice: Invoice, document: str, amounts: Amounts, text: str = ""
) -> Iterator[Posting]:
    assert at is not None  # each query asks for it
    for account in Account:
        amount = amounts.get(account, ZERO)
        if amount:
            debit, credit = max(amount, ZERO), max(-amount, ZERO)
            yield Posting(at, event, document, invoice, str(account), debit, credit, text)
