"""Usage of any source becomes an entry of the ledger: answers, messages, knowledge, trials, checks, tools."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from apps.billing.costs import item_of, rated
from apps.billing.models import BillingConflict, LedgerEntry, SourceType
from apps.billing.payloads import rows_read
from apps.billing.selectors.prices import priced_at
from apps.billing.services.corrections import entry_correct
from apps.billing.services.ledger import BillResult, amounts_of, entry_write, usage_hash
from apps.core.errors import MeridianError, PermanentError
from apps.core.outbox import effect_enqueue
from apps.core.schema import schema_current
from apps.tenants.models import Tenant

log = structlog.get_logger(__name__)
Usage = Iterable[Mapping[str, Any]]
USAGE = "billing.usage"


def usage_record(
    *,
    tenant: Tenant | None,
    source_type: str,
    source_id: str,
    usage: Usage,
    at: datetime,
    agent_id: UUID | str | None = None,
    channel: str = "",
    conversation_id: UUID | str | None = None,
    call_id: UUID | str | None = None,
    duration: Decimal | int = 0,
    revise: bool = False,
) -> BillResult:
    """Charges what one source used, once, at the prices of `at`. `duration` in seconds; `usage` rows as in contracts.md.

    `tenant` None is the current one. The same source again gets the entry that is there. Where it tells of other usage, that is
    kept for finance and charges nothing; unless `revise`, with which the caller says that its usage is the newest there is (it
    holds a lock on the source): then the difference is written. A row that cannot be read is kept, and has no price. Raises
    PermanentError for a call, which is billed by its report (`call_bill`), and for a source without an id.
    """
    if source_type == SourceType.CALL or not source_id:
        raise PermanentError("Usage needs the id of what it is from; a call is billed by its report.")
    rows = [dict(row) if isinstance(row, Mapping) else {"unreadable": str(row)} for row in usage]
    items = [item_of(row) for row in rows_read(rows)]
    priced = priced_at(tenant, at, [item.model for item in items])
    entry = LedgerEntry(
        tenant_id=priced.tenant_id,
        source_type=source_type,
        source_id=source_id,
        call_id=call_id,
        conversation_id=conversation_id,
        agent_id=agent_id,
        channel=channel,
        started_at=at,
        ended_at=at + timedelta(seconds=float(duration)),
        duration=Decimal(duration),
        usage=rows,
        content_hash=usage_hash(rows),
        source=LedgerEntry.Source.METER,
        currency=priced.currency,
        price_book_id=priced.book_id,
        **amounts_of(rated(items, priced.rates)),
    )
    with transaction.atomic(savepoint=False):  # all that can be wrong with usage or prices has been by now
        result = BillResult(*entry_write(entry))
        if not result.created:
            _again(result.entry, entry, revise)
    return result


def usage_enqueue(*, source_type: str, source_id: str, usage: Usage, at: datetime, **facts: Any) -> None:
    """Has usage of the current tenant charged after the caller's commit: one statement, which no price can make fail.

    `facts` as of `usage_record`. For sources that tell what they used once and for all; the same source again changes nothing.
    """
    rows = [dict(row) for row in usage]
    facts = {name: str(value) for name, value in facts.items() if value not in (None, "")}
    payload = {**facts, "source_type": str(source_type), "source_id": source_id, "usage": rows, "at": at.isoformat()}
    effect_enqueue(kind=USAGE, key=f"{USAGE}:{schema_current()}:{source_type}:{source_id}"[:191], payload=payload)


def usage_charge(*, source_type: str, source_id: str, usage: Usage, at: datetime, **facts: Any) -> None:
    """As `usage_record` for the current tenant with `revise`, in the caller's transaction, which it never makes fail over prices.

    What cannot be rated is written as an effect instead: tried again, and in the end shown to the platform's staff.
    """
    usage = list(usage)
    try:
        usage_record(tenant=None, source_type=source_type, source_id=source_id, usage=usage, at=at, revise=True, **facts)
    except (MeridianError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        log.exception("usage_not_rated", source=source_type, id=source_id, error=type(error).__name__)
        usage_enqueue(source_type=source_type, source_id=source_id, usage=usage, at=at, **facts)


def _again(kept: LedgerEntry, told: LedgerEntry, revise: bool) -> None:
    """What becomes of a source that is told of again."""
    if revise:
        entry_correct(entry=kept, usage=told.usage, reason="Counted again by its source.", by="", source=LedgerEntry.Source.METER)
    elif kept.content_hash != told.content_hash:
        conflict = BillingConflict(
            entry=kept,
            tenant_id=kept.tenant_id,
            call_id=kept.call_id,
            source=told.source,
            report={"usage": told.usage},
            content_hash=told.content_hash,
        )
        BillingConflict.objects.bulk_create([conflict], ignore_conflicts=True)
