"""Every write to the ledger. All run in the public schema, whichever schema the caller is in."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from apps.billing.beside import beside_of
from apps.billing.costs import Cost, item_of, items_of, rated
from apps.billing.models import BillingConflict, LedgerEntry, SpendLimit
from apps.billing.payloads import CallReport, rows_read
from apps.billing.selectors.prices import Priced, priced_at
from apps.billing.services.limits import spend_note
from apps.core.errors import PermanentError
from apps.core.realtime import hint_publish
from apps.core.rows import row_insert
from apps.tenants.models import Tenant

MOST = 10**12


class ReportInvalid(PermanentError):
    """A report cannot be billed; `errors` is a list of {"field", "message"}."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{error['field']}: {error['message']}" for error in errors))
        self.errors = errors


class ReportConflict(PermanentError):
    """The call is billed already by a different report; the new one is kept for finance, and charges nothing."""

    def __init__(self, entry: LedgerEntry) -> None:
        super().__init__("This call is billed already, by a report with different content. Both are kept; the first one counts.")
        self.entry = entry


@dataclass(frozen=True)
class BillResult:
    """`created` is false when the same report had been billed before."""

    entry: LedgerEntry
    created: bool


def call_bill(
    *, tenant: Tenant, call_id: UUID | str, report: CallReport | Mapping[str, Any], source: str = LedgerEntry.Source.REPORT
) -> BillResult:
    """Bills a call once, whoever comes first. Raises ReportInvalid, and ReportConflict for other content than before.

    A sweep never disputes a report: it gets the entry that is there.
    """
    checked = report_check(report)
    if str(checked.call_id) != str(call_id):
        raise ReportInvalid([{"field": "call_id", "message": "the report is about another call"}])
    result = _entry_make(tenant, checked, source)
    if result.created or result.entry.content_hash == checked.content_hash() or _yields(source, result.entry):
        return result
    _conflict_keep(result.entry, checked, source)
    raise ReportConflict(result.entry)


@transaction.atomic(savepoint=False)
def entry_write(entry: LedgerEntry) -> tuple[LedgerEntry, bool]:
    """Writes a row of the ledger, once for its source and revision: the row that counts, and whether it is this one.

    Every row goes through here, whoever made it. A rival's row is waited for, so that what comes back is committed or ours.
    """
    if not row_insert(entry):
        return LedgerEntry.objects.select_related("price_book").get(**_source_of(entry)), False
    _told(entry)
    return entry, True


@transaction.atomic(savepoint=False)
def entries_write(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Writes many rows as entry_write does, in one statement; returns those that were not there already."""
    LedgerEntry.objects.bulk_create(entries, ignore_conflicts=True)
    kept = set(LedgerEntry.objects.filter(pk__in=[entry.pk for entry in entries]).values_list("pk", flat=True))
    written = [entry for entry in entries if entry.pk in kept]
    limited = SpendLimit.objects.filter(tenant__in={entry.tenant_id for entry in written}).values_list("tenant_id", flat=True)
    tenants, counted = set(limited), set[int]()
    for entry in sorted(written, key=lambda entry: entry.tenant_id):  # so that nobody waits for anybody in a circle
        _told(entry, limited=entry.tenant_id in tenants, counted=counted)
    return written


def _told(entry: LedgerEntry, *, limited: bool = True, counted: set[int] | None = None) -> None:
    """What follows from a row that was written just now, in its transaction."""
    if limited:
        spend_note(entry, counted=counted)
    if entry.call_id is not None:
        for topic in (f"call:{entry.call_id}", "calls"):
            hint_publish(entry.tenant.schema_name, topic, "call.billed", str(entry.call_id), 1)


def _source_of(entry: LedgerEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in ("tenant_id", "source_type", "source_id", "revision")}


def report_check(report: CallReport | Mapping[str, Any]) -> CallReport:
    """The report as its model. Raises ReportInvalid with a sentence for each field."""
    if isinstance(report, CallReport):
        return report
    try:
        return CallReport.model_validate(report)
    except ValidationError as error:
        raise ReportInvalid([_field_error(item) for item in error.errors()]) from error


def conflict_resolve(*, conflict: BillingConflict, resolution: str) -> BillingConflict:
    """Writes down what finance decided about a conflict."""
    if not resolution.strip():
        raise PermanentError("Say in a sentence what was decided.")
    conflict.resolution, conflict.resolved_at = resolution.strip(), timezone.now()
    conflict.save(update_fields=["resolution", "resolved_at"])
    return conflict


def _entry_make(tenant: Tenant, report: CallReport, source: str) -> BillResult:
    """The hash is of the report alone: what Media Bot used grows after it, and makes the same report no other one."""
    beside = beside_of(tenant, report.call_id)
    items = [*items_of(report), *map(item_of, rows_read(beside))]
    priced = priced_at(tenant, report.started_at, [item.model for item in items])
    entry = _entry(tenant, report, source, priced, rated(items, priced.rates))
    entry.usage = [*entry.usage, *beside]
    return BillResult(*entry_write(entry))


def _entry(tenant: Tenant, report: CallReport, source: str, priced: Priced, cost: Cost) -> LedgerEntry:
    content = report.content()
    facts = ("call_id", "agent_id", "channel", "started_at", "ended_at", "duration", "ended_reason", "transcript_ref")
    return LedgerEntry(
        tenant=tenant,
        source_id=str(report.call_id),
        source=source,
        price_book_id=priced.book_id,
        currency=priced.currency,
        usage=content["usage"],
        content_hash=report.content_hash(),
        **{name: getattr(report, name) for name in facts},
        **amounts_of(cost),
    )


def amounts_of(cost: Cost) -> dict[str, Any]:
    """The columns of an entry that hold a cost. Raises PermanentError for one that has no room in them."""
    totals: dict[str, Decimal | None] = {
        "total": cost.total,
        "total_known": cost.total_known,
        "provider_cost": cost.provider_cost,
    }
    if max(totals["total_known"] or 0, totals["provider_cost"] or 0) >= MOST:
        raise PermanentError("This costs more than the ledger can hold; look at its usage.")
    return {**cost.parts, **totals, "lines": [line.as_json() for line in cost.lines], "unpriced": cost.unpriced}


def usage_hash(rows: list[dict[str, Any]]) -> str:
    """Equal for equal usage, however its JSON was written."""
    text = json.dumps(rows, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _yields(source: str, entry: LedgerEntry) -> bool:
    return source == LedgerEntry.Source.SWEEP and entry.source == LedgerEntry.Source.REPORT


def _conflict_keep(entry: LedgerEntry, report: CallReport, source: str) -> None:
    conflict = BillingConflict(
        entry=entry,
        tenant_id=entry.tenant_id,
        call_id=entry.call_id,
        source=source,
        report=report.content(),
        content_hash=report.content_hash(),
    )
    BillingConflict.objects.bulk_create([conflict], ignore_conflicts=True)


def _field_error(item: Any) -> dict[str, str]:
    return {
        "field": ".".join(str(part) for part in item["loc"]) or "report",
        "message": item["msg"].removeprefix("Value error, "),
    }
