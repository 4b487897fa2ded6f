"""Limits and spending for tests."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from apps.billing.models import LedgerEntry, SourceType, SpendHold, SpendLimit, SpendWindow
from apps.billing.services import entry_write
from apps.billing.services.limits import Decision, limit_set, spend_reserve
from apps.core.ids import uuid7
from apps.tenants.models import Tenant

AGENT = "0198c0de-0000-7000-8000-00000000000a"
OTHER_AGENT = "0198c0de-0000-7000-8000-00000000000b"


def limit(tenant: Tenant, amount: str = "10", **values: Any) -> SpendLimit:
    """A limit of the whole company a month, unless the values say otherwise."""
    values = {"scope": "tenant", "period": "month", **values}
    return limit_set(tenant=tenant, amount=Decimal(amount), **values)[0]


def reserve(tenant: Tenant, source: str, estimate: str = "1", **values: Any) -> Decision:
    """Asks for a call."""
    values = {"source_type": SourceType.CALL, "agent_id": AGENT, "channel": "webrtc", **values}
    return spend_reserve(tenant=tenant, source_id=source, estimate=Decimal(estimate), **values)


def spend(tenant: Tenant, amount: str, source_id: str = "", **values: Any) -> LedgerEntry:
    """Writes an entry of this amount, of a call now unless the values say otherwise."""
    at: datetime = values.pop("at", None) or timezone.now()
    fields = {
        "source_type": SourceType.CALL,
        "source_id": source_id or str(uuid7()),
        "agent_id": AGENT,
        "channel": "webrtc",
        "started_at": at,
        "ended_at": at + timedelta(seconds=60),
        "duration": Decimal(60),
        "ended_reason": "caller_hangup",
        "usage": [],
        "lines": [],
        "total": Decimal(amount),
        "total_known": Decimal(amount),
        "currency": "USD",
        "source": "meter",
        "content_hash": str(uuid7()),
        **values,
    }
    return entry_write(LedgerEntry(tenant=tenant, **fields))[0]


def window(limit: SpendLimit) -> tuple[Decimal, Decimal]:
    """What is spent and held in the newest window of a limit."""
    row = SpendWindow.objects.filter(limit=limit).latest("starts_on")
    return row.spent, row.held


def states() -> dict[str, str]:
    """The state of every hold, by its source."""
    return dict(SpendHold.objects.values_list("source_id", "state"))
