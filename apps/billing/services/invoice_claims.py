"""Which ledger entries an invoice takes, and what they add up to. Everything in few statements, however many entries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from apps.billing.models import Invoice, InvoicedEntry, InvoiceLine, Part
from apps.billing.models.money import SourceType
from apps.tenants.models import Tenant

OPEN_ENTRIES = """
billing_openentry o JOIN billing_ledgerentry e ON e.id = o.entry_id AND e.tenant_id = o.tenant_id
"""
THESE = "o.tenant_id = %(tenant)s AND o.started_at < %(end)s AND e.currency = %(currency)s"
GROUPS = f"SELECT DISTINCT e.source_type, e.agent_id, e.channel FROM {OPEN_ENTRIES} WHERE {THESE}"  # noqa: S608
# An entry that is committed after GROUPS was read either finds a line here or waits for the next invoice.
CLAIM = f"""
INSERT INTO billing_invoicedentry (entry_id, line_id, invoice_id)
SELECT e.id, l.id, l.invoice_id FROM {OPEN_ENTRIES}
JOIN billing_invoiceline l ON l.invoice_id = %(invoice)s AND l.kind = 'usage' AND l.source_type = e.source_type
    AND l.agent_id IS NOT DISTINCT FROM e.agent_id AND l.channel = e.channel
WHERE {THESE}
"""  # noqa: S608
SUMS = f"""
SELECT i.line_id, count(*), count(*) FILTER (WHERE e.revision = 0),
    sum(e.duration), sum(e.total_known),
    count(*) FILTER (WHERE e.total IS NULL), min(e.started_at), max(e.started_at),
    {", ".join(f"coalesce(sum(e.{part}), 0)" for part in Part.values)}
FROM billing_invoicedentry i JOIN billing_ledgerentry e ON e.id = i.entry_id WHERE i.invoice_id = %s GROUP BY i.line_id
"""  # noqa: S608
MONTHS = """
SELECT DISTINCT date_trunc('month', e.started_at AT TIME ZONE %s)::date
FROM billing_invoicedentry i JOIN billing_ledgerentry e ON e.id = i.entry_id WHERE i.invoice_id = %s ORDER BY 1
"""
CURRENCIES = f"SELECT DISTINCT e.currency FROM {OPEN_ENTRIES} WHERE o.tenant_id = %s AND o.started_at < %s"  # noqa: S608
EARLIER = f"SELECT coalesce(sum(e.total_known), 0) FROM {OPEN_ENTRIES} WHERE {THESE.replace('end', 'begin')}"  # noqa: S608


@dataclass(frozen=True)
class Group:
    """What one line of usage is for."""

    source_type: str
    agent_id: UUID | None
    channel: str


@dataclass(frozen=True)
class Sums:
    """What the entries behind a line add up to. `things` leaves corrections out, whose other columns are differences."""

    entries: int
    things: int
    seconds: Decimal
    total: Decimal
    unpriced: int
    first: datetime
    last: datetime
    parts: dict[str, Decimal]


def groups_open(invoice: Invoice) -> list[Group]:
    """What has entries before the invoice's end that are on no invoice, in a fixed order."""
    order = {source: place for place, source in enumerate(SourceType.values)}
    with connection.cursor() as cursor:
        cursor.execute(GROUPS, _values(invoice))
        found = [Group(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda group: (order[group.source_type], str(group.agent_id or ""), group.channel))


def entries_claim(invoice: Invoice) -> int:
    """Puts every open entry that one of the invoice's lines is for on it, in one statement; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, _values(invoice))
        return int(cursor.rowcount)


def entries_free(invoice: Invoice) -> None:
    """Takes everything off it: the entries are open again."""
    InvoicedEntry.objects.filter(invoice=invoice).delete()


def line_sums(invoice: Invoice) -> dict[UUID, Sums]:
    """By line, of what was claimed."""
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [invoice.pk])
        return {row[0]: _sums(*row[1:]) for row in cursor.fetchall()}


def _sums(entries: int, things: int, seconds: Decimal, total: Decimal, unpriced: int, *rest: Any) -> Sums:
    first, last, *amounts = rest
    return Sums(entries, things, seconds, total, unpriced, first, last, dict(zip(Part.values, amounts, strict=True)))


def months_of(invoice: Invoice, zone: str) -> list[date]:
    """The months in which what was claimed happened; more than one where entries came late."""
    with connection.cursor() as cursor:
        cursor.execute(MONTHS, [zone, invoice.pk])
        return [row[0] for row in cursor.fetchall()]


def currencies_open(tenant: Tenant, end: datetime) -> set[str]:
    """The currencies of what happened before a moment and is on no invoice."""
    with connection.cursor() as cursor:
        cursor.execute(CURRENCIES, [tenant.pk, end])
        return {row[0] for row in cursor.fetchall()}


def open_before(invoice: Invoice) -> Decimal:
    """What is on no invoice of what happened before the invoice's own month."""
    with connection.cursor() as cursor:
        cursor.execute(EARLIER, {**_values(invoice), "begin": invoice.period_start})
        return Decimal(cursor.fetchone()[0])


def given_before(invoice: Invoice, kind: str, months: Iterable[date]) -> dict[tuple[str, str], Decimal]:
    """What other invoices in its currency said already, by (`key`, month) of their lines' details."""
    wanted = [month.isoformat() for month in months]
    lines = InvoiceLine.objects.filter(invoice__tenant_id=invoice.tenant_id, kind=kind, details__month__in=wanted)
    lines = (
        lines.filter(invoice__currency=invoice.currency).exclude(invoice=invoice.pk).exclude(invoice__state=Invoice.State.VOID)
    )
    found: dict[tuple[str, str], Decimal] = {}
    for details, exact in lines.values_list("details", "exact"):
        key = details["key"], details["month"]
        found[key] = found.get(key, Decimal(0)) + exact
    return found


def _values(invoice: Invoice) -> dict[str, Any]:
    return {
        "tenant": invoice.tenant_id,
        "end": invoice.period_end,
        "currency": invoice.currency,
        "invoice": invoice.pk,
    }
