"""Reads of single ledger entries: the filtered list, an entry with its corrections, and what has no price."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.billing.models import InvoicedEntry, LedgerEntry, Part, SourceType
from apps.billing.selectors.spend import Narrowed, Spent, spend_total, spend_totals
from apps.tenants.models import Tenant

COUNTED = 1000  # more without a price are not counted one by one
ORDERS = {"started": "started_at", "cost": "total_known"}


@dataclass(frozen=True)
class EntryFilters:
    """What a list of entries is narrowed to. `line` is one of an invoice; then `narrowed` has no days."""

    starts: datetime | None = None
    ends: datetime | None = None  # not included
    narrowed: Narrowed = field(default_factory=Narrowed)
    component: str = ""
    unpriced: bool = False
    line: UUID | None = None
    source_id: str = ""


def entries_listed(tenant: Tenant, filters: EntryFilters) -> "QuerySet[LedgerEntry]":
    """The entries that match, in no order."""
    found = LedgerEntry.objects.filter(tenant=tenant)
    if filters.starts:
        found = found.filter(started_at__gte=filters.starts)
    if filters.ends:
        found = found.filter(started_at__lt=filters.ends)
    for name in ("source_type", "channel", "agent_id", "currency"):
        if value := getattr(filters.narrowed, name):
            found = found.filter(**{name: value})
    if filters.component in Part.values:
        found = found.filter(~Q(**{filters.component: 0}) | Q(**{f"{filters.component}__isnull": True}))
    if filters.unpriced:
        found = unpriced(found)
    if filters.source_id:
        found = found.filter(source_type__in=SourceType.values, source_id=filters.source_id)
    if filters.line:
        found = found.filter(Exists(InvoicedEntry.objects.filter(entry=OuterRef("pk"), line=filters.line)))
    return found


def entries_total(tenant: Tenant, filters: EntryFilters) -> dict[str, Spent] | None:
    """Sums by currency over all that match, whatever page is shown; None where only reading every row would tell."""
    if filters.unpriced or filters.line or filters.source_id or filters.component:
        return None
    return spend_totals(tenant, filters.narrowed)


def entries_none(tenant: Tenant, filters: EntryFilters) -> bool:
    """True where the days say already that nothing can match, so that no million rows are walked in vain."""
    if filters.line or filters.source_id:
        return False
    spent = spend_total(tenant, filters.narrowed)
    return spent.entries == 0 or bool(filters.component and not filters.unpriced and not _any(tenant, filters, spent))


def _any(tenant: Tenant, filters: EntryFilters, spent: Spent) -> bool:
    """Without corrections nothing is below 0, so that a sum of 0 is made of nothing else."""
    if spent.parts[filters.component] != 0 or spent.entries != spent.sources:
        return True
    return unpriced(entries_listed(tenant, replace(filters, unpriced=True))).exists()


def entry_of(tenant: Tenant, entry_id: UUID) -> LedgerEntry | None:
    """One entry of this tenant, with its book and invoice, or None."""
    rows = LedgerEntry.objects.filter(tenant=tenant, pk=entry_id)
    return rows.select_related("price_book", "invoiced__invoice").first()


def revisions_of(entry: LedgerEntry) -> list[LedgerEntry]:
    """Everything that was charged for the same source, in order: the entry itself, and each correction."""
    same = LedgerEntry.objects.filter(tenant_id=entry.tenant_id, source_type=entry.source_type, source_id=entry.source_id)
    return list(same.select_related("price_book", "invoiced__invoice").order_by("revision"))


def unpriced(found: "QuerySet[LedgerEntry]") -> "QuerySet[LedgerEntry]":
    """Those of them in which something has no price to this day: the latest row of a source says so."""
    later = LedgerEntry.objects.filter(
        tenant_id=OuterRef("tenant_id"),
        source_type=OuterRef("source_type"),
        source_id=OuterRef("source_id"),
        revision__gt=OuterRef("revision"),
    )
    return found.filter(total__isnull=True).exclude(Exists(later))


def unpriced_count(tenant: Tenant) -> int:
    """How many entries of a tenant have no full price, COUNTED at most."""
    return unpriced(LedgerEntry.objects.filter(tenant=tenant)).order_by()[:COUNTED].count()
