"""Ledger entries, plans and months as the tests of invoices need them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.billing.models import Invoice, InvoiceLine, LedgerEntry, Plan, PriceBook, Subscription
from apps.core.ids import uuid7
from apps.tenants.models import Tenant

D = Decimal
NOVEMBER = date(2026, 11, 1)
AFTER = datetime(2026, 12, 1, 3, tzinfo=UTC)
RECEPTION = UUID("0198c0de-0000-7000-8000-00000000000a")
SALES = UUID("0198c0de-0000-7000-8000-00000000000b")


def at(text: str) -> datetime:
    """A moment of UTC, such as 2026-11-05T10:00; only a day is noon of it."""
    moment = datetime.fromisoformat(text)
    return moment.replace(hour=moment.hour if "T" in text else 12, tzinfo=UTC)


def entry_make(
    tenant: Tenant, cost: str, when: str = "2026-11-05", *, seconds: str = "60", source: str = "call", **values: Any
) -> LedgerEntry:
    """One row of the ledger: a call in the browser with Reception unless told otherwise."""
    row = {
        "tenant": tenant,
        "source_type": source,
        "source_id": str(uuid7()),
        "agent_id": RECEPTION,
        "channel": "webrtc" if source == "call" else "whatsapp",
        "started_at": at(when),
        "ended_at": at(when),
        "duration": D(seconds if source == "call" else 0),
        "ended_reason": "",
        "usage": [],
        "lines": [],
        "platform": D(cost),
        "total": D(cost),
        "total_known": D(cost),
        "currency": "USD",
        "source": "meter",
        "content_hash": "",
    }
    return LedgerEntry.objects.create(**{**row, **values})


def correct(entry: LedgerEntry, difference: str, revision: int = 1, **values: Any) -> LedgerEntry:
    """A correction that holds only the difference."""
    facts = {name: getattr(entry, name) for name in ("source_id", "agent_id", "channel")}
    return entry_make(
        entry.tenant,
        difference,
        entry.started_at.strftime("%Y-%m-%dT%H:%M"),
        **{"source": entry.source_type, "seconds": "0", **facts, "revision": revision, "corrects": entry, **values},
    )


def on_plan(tenant: Tenant, code: str, begin: str = "2026-01-01", end: str | None = None, **values: Any) -> Subscription:
    """Puts a tenant on a plan, also in the past."""
    plan = Plan.objects.get(code=code)
    row = {"seats": max(1, plan.included_seats), "started_on": date.fromisoformat(begin)}
    row["ended_on"] = date.fromisoformat(end) if end else None
    return Subscription.objects.create(tenant=tenant, plan=plan, **{**row, **values})


def book() -> PriceBook:
    return PriceBook.objects.order_by("version")[0]


def told(invoice: Invoice) -> list[tuple[str, str]]:
    """Its lines as (kind, amount)."""
    return [(line.kind, f"{line.amount:.2f}") for line in invoice.lines.order_by("position")]


def one(invoice: Invoice, kind: str) -> InvoiceLine:
    return invoice.lines.get(kind=kind)


def adds_up(invoice: Invoice) -> None:
    """Lines to totals, and usage to the ledger entries that are on it."""
    lines = list(invoice.lines.all())
    paid = [line for line in lines if line.kind != "credit"]
    assert sum((line.amount for line in paid), D()) == invoice.subtotal
    assert sum((line.amount for line in lines), D()) == invoice.total == invoice.subtotal - invoice.credits
    for line in lines:
        if line.kind == "usage":
            entries = [row.entry for row in line.invoiced.select_related("entry")]
            assert len(entries) == line.entries
            assert sum((entry.total_known for entry in entries), D()) == line.exact
    assert len({line.position for line in lines}) == len(lines)
