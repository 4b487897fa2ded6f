"""Rows of the ledger and invoices, written as they are in the end; the services that make them have tests of their own."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from apps.billing.models import Invoice, LedgerEntry
from apps.core.ids import uuid7
from apps.tenants.models import Tenant

LACKING = {"kind": "tts", "provider": "openai", "model": "new-voice"}


def entry_of(tenant: Tenant, *, total: str | None = "1.5", cost: str | None = "1", **fields: Any) -> LedgerEntry:
    """A call's entry that is not saved; with None as its total, its voice has no price."""
    began: datetime = fields.pop("started_at", timezone.now())
    key = str(fields.pop("source_id", uuid7()))
    known = Decimal(total) if total is not None else Decimal("0.1")
    values: dict[str, Any] = {
        "source_type": "call",
        "source_id": key,
        "call_id": key,
        "channel": "webrtc",
        "started_at": began,
        "ended_at": began + timedelta(seconds=60),
        "duration": 60,
        "ended_reason": "caller_hangup",
        "usage": [],
        "lines": [],
        "platform": known,
        "total": None if total is None else known,
        "total_known": known,
        "provider_cost": None if cost is None else Decimal(cost),
        "currency": "USD",
        "unpriced": [LACKING] if total is None else [],
        "source": LedgerEntry.Source.REPORT,
        "content_hash": "0" * 64,
    }
    return LedgerEntry(tenant=tenant, **{**values, **fields})


def entry_make(tenant: Tenant, **fields: Any) -> LedgerEntry:
    """As entry_of, saved."""
    entry = entry_of(tenant, **fields)
    entry.save()
    return entry


def invoice_make(tenant: Tenant, **fields: Any) -> Invoice:
    """An open invoice of last month that was due yesterday."""
    now = timezone.now()
    values: dict[str, Any] = {
        "number": f"T-{uuid7()}"[:32],
        "month": (now.replace(day=1) - timedelta(days=1)).date().replace(day=1),
        "period_start": now - timedelta(days=60),
        "period_end": now - timedelta(days=30),
        "state": Invoice.State.OPEN,
        "currency": "USD",
        "subtotal": Decimal(40),
        "total": Decimal(40),
        "due_at": now - timedelta(days=1),
    }
    return Invoice.objects.create(tenant=tenant, **{**values, **fields})
