"""Reads that compare the ledger with the invoices: every entry on one invoice, every invoice the sum of its entries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Q, Sum

from apps.billing.models import BankTransfer, CreditUse, Invoice, InvoiceLine
from apps.billing.months import month_next
from apps.billing.selectors.notes import notes_sum


@dataclass(frozen=True)
class Found:
    """A difference: the tenant's slug, the invoice's number if it is about one, what differs, and what to do."""

    tenant: str
    invoice: str
    sentence: str
    todo: str


# Usage of a month for which its tenant has no invoice in its currency; what came late to one that has is on the next.
FORGOTTEN = """
SELECT t.schema_name, t.name, e.currency, count(*), sum(e.total_known)
FROM billing_ledgerentry e JOIN tenants_tenant t ON t.id = e.tenant_id
WHERE NOT EXISTS (SELECT FROM billing_invoicedentry i WHERE i.entry_id = e.id)
AND e.started_at >= %(begin)s::timestamp AT TIME ZONE t.timezone AND e.started_at < %(end)s::timestamp AT TIME ZONE t.timezone
AND NOT EXISTS (SELECT FROM billing_invoice v WHERE v.tenant_id = e.tenant_id AND v.month = %(begin)s AND v.currency = e.currency
    AND v.state <> 'void')
GROUP BY t.schema_name, t.name, e.currency HAVING sum(e.total_known) <> 0 ORDER BY t.schema_name, e.currency
"""
USAGE = """
SELECT i.invoice_id, sum(e.total_known), count(*), count(*) FILTER (WHERE e.tenant_id <> v.tenant_id OR e.currency <> v.currency)
FROM billing_invoicedentry i JOIN billing_ledgerentry e ON e.id = i.entry_id JOIN billing_invoice v ON v.id = i.invoice_id
WHERE i.invoice_id = ANY(%s) GROUP BY i.invoice_id
"""
LEAST = Decimal("0.000001")


def ledger_differences(invoices: list[Invoice], month: date | None) -> Iterator[Found]:
    """What the ledger and these invoices do not agree on; with a month also usage of it that is on no invoice."""
    keys = [invoice.pk for invoice in invoices]
    usage = _usage(keys)
    lines = _lines(keys)
    for invoice in invoices:
        if invoice.state != Invoice.State.VOID:
            yield from _of_invoice(invoice, usage.get(invoice.pk, (Decimal(0), 0, 0)), lines.get(invoice.pk, {}))
    yield from _surpluses(keys)
    if month is not None:
        yield from _forgotten(month)


def _usage(keys: list[UUID]) -> dict[UUID, tuple[Decimal, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(USAGE, [keys])
        return {row[0]: (row[1], row[2], row[3]) for row in cursor.fetchall()}


def _lines(keys: list[UUID]) -> dict[UUID, dict[str, Decimal]]:
    kinds = InvoiceLine.Kind
    found = (
        InvoiceLine.objects.filter(invoice__in=keys)
        .order_by()
        .values("invoice")
        .annotate(
            all=Sum("amount"),
            usage=Sum("exact", filter=Q(kind=kinds.USAGE)),
            credit=Sum("amount", filter=Q(kind=kinds.CREDIT)),
        )
    )
    return {row["invoice"]: {name: row[name] or Decimal(0) for name in ("all", "usage", "credit")} for row in found}


def _of_invoice(invoice: Invoice, usage: tuple[Decimal, int, int], lines: dict[str, Decimal]) -> Iterator[Found]:
    zero = Decimal(0)
    used, _, foreign = usage
    rebuild = (
        "Void it and make it anew with invoice_run." if invoice.step != Invoice.Step.LOCAL else "Make it anew with invoice_run."
    )
    checks = [
        (lines.get("usage", zero), used, "its lines of usage say", "the ledger entries on it say"),
        (lines.get("all", zero), invoice.subtotal - invoice.credits, "its lines add up to", "it says"),
        (
            invoice.total,
            invoice.subtotal - invoice.credits + invoice.tax,
            "it is to be paid with",
            "subtotal, credits and tax make",
        ),
        (-lines.get("credit", zero), invoice.credits, "its credit lines say", "it took credits of"),
        (max(zero, invoice.credits), _credits_used(invoice), "it took credits of", "the credits that it used say"),
        (max(invoice.credited, zero), notes_sum(invoice), "it says that credit notes took back", "the credit notes say"),
    ]
    for ours, theirs, words, other in checks:
        if abs(ours - theirs) >= LEAST:
            yield _found(invoice, f"{words} {_text(ours, invoice)}, and {other} {_text(theirs, invoice)}.", rebuild)
    if foreign:
        yield _found(invoice, f"holds {foreign} entries of another company or currency.", rebuild)


def _surpluses(keys: list[UUID]) -> Iterator[Found]:
    """What bank transfers brought above these invoices, as long as it is here."""
    counted = BankTransfer.objects.filter(invoice__in=keys, undone_at=None, ended_on=None)
    for one in counted.select_related("invoice__tenant").order_by("at", "pk"):
        if one.surplus:
            what = f"{_text(one.surplus, one.invoice)} of the bank transfer “{one.reference}” came above what was to be paid."
            yield _found(one.invoice, what, "Send it back or note it down for another invoice, and say so on this one.")


def _credits_used(invoice: Invoice) -> Decimal:
    return CreditUse.objects.filter(invoice=invoice).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def _forgotten(month: date) -> Iterator[Found]:
    first = month.replace(day=1)
    with connection.cursor() as cursor:
        cursor.execute(FORGOTTEN, {"begin": first, "end": month_next(first)})
        rows = cursor.fetchall()
    for slug, name, currency, count, amount in rows:
        sentence = f"{name} used {amount.normalize():f} {currency} in {month:%Y-%m} ({count} entries) that is on no invoice."
        yield Found(slug, "", sentence, f"Run invoice_run --month {month:%Y-%m} --tenant {slug}.")


def _found(invoice: Invoice, what: str, todo: str) -> Found:
    return Found(invoice.tenant.schema_name, invoice.number, f"{invoice.number} of {invoice.tenant.name}: {what}", todo)


def _text(amount: Decimal, invoice: Invoice) -> str:
    return f"{amount.normalize():f} {invoice.currency}"
