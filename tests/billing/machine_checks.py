"""What the database says of the machine's company, by statements of its own: the product's reads prove nothing here."""

from dataclasses import dataclass
from typing import Any

from django.db import connection

LEDGER = """
SELECT source_id, sum(total_known), count(*) FILTER (WHERE revision = 0) FROM billing_ledgerentry WHERE tenant_id = %s GROUP BY 1
"""
HOLDS = "SELECT source_id, amount FROM billing_spendhold WHERE state = 'held'"
WINDOWS = """
SELECT l.scope, l.period, coalesce(l.agent_id::text, ''), l.channel, w.starts_on, w.spent, w.held
FROM billing_spendwindow w JOIN billing_spendlimit l ON l.id = w.limit_id WHERE l.active
"""
INVOICES = """
SELECT id, state, subtotal, credits, total, credited, balance, paid, tax FROM billing_invoice WHERE tenant_id = %s
"""
CHARGES = """
SELECT i.invoice_id, e.source_id, sum(e.total_known) FROM billing_invoicedentry i JOIN billing_ledgerentry e ON e.id = i.entry_id
WHERE e.tenant_id = %s GROUP BY 1, 2
"""
LINES = """
SELECT l.invoice_id, sum(l.amount), sum(l.amount) FILTER (WHERE l.kind <> 'credit'), sum(l.exact) FILTER (WHERE l.kind = 'usage')
FROM billing_invoiceline l JOIN billing_invoice v ON v.id = l.invoice_id WHERE v.tenant_id = %s GROUP BY 1
"""
CREDITS = """
SELECT c.amount, c.amount - coalesce(sum(u.amount), 0), c.carried_from_id FROM billing_credit c
LEFT JOIN billing_credituse u ON u.credit_id = c.id WHERE c.tenant_id = %s GROUP BY c.id
"""
NOTES = """
SELECT n.invoice_id, n.key, n.amount, n.after_payment FROM billing_creditnote n JOIN billing_invoice v ON v.id = n.invoice_id
WHERE v.tenant_id = %s AND n.voided_at IS NULL
"""
PARTS = """
SELECT t.invoice_id, t.key, t.amount, t.applied, t.undone_at IS NOT NULL, t.stripe_asked_at IS NOT NULL, t.ended_on IS NOT NULL
FROM billing_banktransfer t JOIN billing_invoice v ON v.id = t.invoice_id WHERE v.tenant_id = %s
"""
Rows = list[tuple[Any, ...]]
ASKED = (LEDGER, HOLDS, WINDOWS, INVOICES, CHARGES, LINES, CREDITS, NOTES, PARTS)
LOOK = ";".join(ASKED)


@dataclass
class Seen:
    """The rows of each statement."""

    ledger: Rows
    holds: Rows
    windows: Rows
    invoices: Rows
    charges: Rows
    lines: Rows
    credits: Rows
    notes: Rows
    parts: Rows


def look(tenant: int) -> Seen:
    """All of it by one way to the database, since it is asked after every step."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK, [tenant] * LOOK.count("%s"))
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
    return Seen(*found)
