"""Usage of Media Bot that is told after its call was billed becomes a correction of the call's entry."""

from uuid import UUID

import structlog
from django.db import transaction

from apps.billing.beside import agents_in, beside_in, beside_of
from apps.billing.models import BillingConflict, LedgerEntry, SourceType
from apps.billing.selectors.costs import statement_of
from apps.billing.services.corrections import entry_correct, statement_lock
from apps.billing.services.ledger import usage_hash
from apps.billing.statement import Statement
from apps.tenants.models import Tenant

log = structlog.get_logger(__name__)
Source = LedgerEntry.Source
REASON = "Media Bot told later what it used."


@transaction.atomic
def call_beside_bill(*, tenant: Tenant, call_id: UUID) -> LedgerEntry | None:
    """Charges what others than its agent used in a billed call, as far as its entry lacks it; None where it lacks nothing.

    Asked again it changes nothing. An entry that finance corrected is left as it is, and both are kept as a conflict.
    """
    found = LedgerEntry.objects.filter(tenant=tenant, source_type=SourceType.CALL, source_id=str(call_id), revision=0)
    entry = found.select_related("tenant").first()
    told = beside_of(tenant, call_id) if entry else []
    if entry is None or beside_in(statement_of(entry).usage) == told:
        return None
    statement = statement_lock(entry)
    usage = [*agents_in(statement.usage), *told]
    if usage == statement.usage:
        return None
    if any(row.source == Source.CORRECTION for row in statement.rows):
        _dispute(statement, usage)
        return None
    return entry_correct(entry=entry, usage=usage, reason=REASON, by="", source=Source.METER)


def _dispute(statement: Statement, usage: list[dict[str, object]]) -> None:
    base = statement.base
    report = {"call_id": str(base.call_id), "duration": float(statement.duration), "usage": usage}
    conflict = BillingConflict(
        entry=base,
        tenant_id=base.tenant_id,
        call_id=base.call_id,
        source=Source.METER,
        report=report,
        content_hash=usage_hash(usage),
    )
    BillingConflict.objects.bulk_create([conflict], ignore_conflicts=True)
    log.info("media_bot_after_correction", entry=str(base.pk))
