"""The journal of a month for the accounts: what was invoiced, taken back, paid and written off, each document in balance.

Months are those of UTC, by the moment at which something happened; `service_month` is the one that was used. What a payment in
parts brought is booked when the invoice is paid in full, and money that a bank took back by a dispute is not in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from apps.billing.models import BankTransfer, CreditNote, Invoice, InvoiceLine
from apps.billing.rounding import rounded_to
from apps.billing.selectors.staff.sums import ZERO, month_bounds

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
    yield from _paid(Q(paid_at__gte=start, paid_at__lt=end))
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
    """By bank transfer, by Stripe, or a part by each."""
    found = list(invoices_booked().filter(which, state=State.PAID, paid__gt=0))
    transfers = {one.invoice_id: one for one in BankTransfer.objects.filter(invoice__in=found, undone_at=None)}
    for invoice in found:
        transfer = transfers.get(invoice.pk)
        bank = transfer.amount if transfer else ZERO
        amounts: Amounts = {Account.BANK: bank, Account.STRIPE: invoice.paid - bank, Account.RECEIVABLES: -invoice.paid}
        text = transfer.reference if transfer else ""
        yield from _posted(invoice.paid_at, "payment", invoice, invoice.number, amounts, text)
        yield from _recovered(invoice, invoice.paid_at)


def _written_off(which: Q) -> Iterator[Posting]:
    for invoice in invoices_booked().filter(which):
        amounts: Amounts = {Account.BAD_DEBT: _lost(invoice), Account.RECEIVABLES: -_lost(invoice)}
        yield from _posted(invoice.written_off_at, "write_off", invoice, invoice.number, amounts)


def _recovered(invoice: Invoice, at: datetime | None) -> Iterator[Posting]:
    """What was written off before it was paid, or voided, after all."""
    if invoice.written_off_at:
        amounts: Amounts = {Account.RECEIVABLES: _lost(invoice), Account.BAD_DEBT: -_lost(invoice)}
        yield from _posted(at, "write_off_void", invoice, invoice.number, amounts)


def _lost(invoice: Invoice) -> Decimal:
    return invoice.total - invoice.credited - invoice.balance - (ZERO if invoice.state == State.PAID else invoice.paid)


def _charged(invoice: Invoice, lines: Mapping[UUID, Amounts]) -> Amounts:
    amounts = _turned(lines.get(invoice.pk, {}))
    amounts[Account.TAX] = -invoice.tax
    amounts[Account.RECEIVABLES] = invoice.total - invoice.balance
    amounts[Account.BALANCE] = invoice.balance
    return amounts | {Account.UNEXPLAINED: -sum(amounts.values(), ZERO)}


def _taken_back(note: CreditNote) -> Amounts:
    """With its share of the tax. Of an invoice that was paid by then it became credit of the customer at Stripe."""
    invoice = note.invoice
    tax = rounded_to(note.amount * invoice.tax / invoice.total, invoice.currency) if invoice.total else ZERO
    after = invoice.paid_at is not None and note.created_at >= invoice.paid_at
    other = Account.BALANCE if after else Account.RECEIVABLES
    return {Account.NOTES: note.amount - tax, Account.TAX: tax, other: -note.amount}


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
