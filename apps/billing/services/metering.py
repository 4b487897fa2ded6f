"""Usage of any source becomes an entry of the ledger: answers, messages, knowledge, trials, checks, tools."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.billing.costs import item_of, rated
from apps.billing.models import BillingConflict, LedgerEntry, SourceType
from apps.billing.payloads import rows_read
from apps.billing.selectors.prices import pricing_at
from apps.billing.services.corrections import entry_correct
from apps.billing.services.ledger import BillResult, amounts_of, entry_write, usage_hash
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

Usage = Iterable[Mapping[str, Any]]


@transaction.atomic
def usage_record(
    *,
    tenant: Tenant,
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

    The same source again gets the entry that is there. Where it tells of other usage, that is kept for finance and charges
    nothing; unless `revise`, with which the caller says that its usage is the newest there is (it holds a lock on the source):
    then the difference is written. A row that cannot be read is kept, and has no price. Raises PermanentError for a call, which
    is billed by its report (`call_bill`), and for a source without an id.
    """
    if source_type == SourceType.CALL or not source_id:
        raise PermanentError("Usage needs the id of what it is from; a call is billed by its report.")
    rows = [dict(row) if isinstance(row, Mapping) else {"unreadable": str(row)} for row in usage]
    pricing = pricing_at(tenant, at)
    cost = rated(map(item_of, rows_read(rows)), pricing.rates)
    entry = LedgerEntry(
        tenant=tenant,
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
        currency=pricing.currency,
        price_book=pricing.book,
        **amounts_of(cost),
    )
    result = BillResult(*entry_write(entry))
    if not result.created:
        _again(result.entry, entry, revise)
    return result


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
