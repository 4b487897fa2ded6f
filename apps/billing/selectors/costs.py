"""Reads of the ledger: what things cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.billing.models import LedgerEntry, SourceType
from apps.billing.rating import BESIDE, base_of
from apps.billing.statement import Statement
from apps.tenants.models import Tenant


@dataclass(frozen=True)
class CostLine:
    """One charged thing. `quantities` such as {"seconds": "40.2"}; `amount` None when it has no price."""

    kind: str
    provider: str
    model: str
    quantities: dict[str, str]
    amount: Decimal | None

    @property
    def beside(self) -> str:
        """The model that Media Bot used beside the agent; nothing where the agent used it."""
        return base_of(self.model) if self.model.endswith(BESIDE) else ""


@dataclass(frozen=True)
class CostBreakdown:
    """What a call costs its tenant. `total` is None while a part is; `total_known` adds up the parts with a price."""

    call_id: UUID | None
    parts: dict[str, Decimal | None]
    total: Decimal | None
    total_known: Decimal
    currency: str
    unpriced: list[dict[str, str]]
    lines: list[CostLine]
    source: str
    price_book: int | None
    corrections: int = 0

    @property
    def complete(self) -> bool:
        """True when everything that was used has a price."""
        return self.total is not None

    def told(self) -> dict[str, Any]:
        """As answers of the API have it: amounts as decimal strings to 6 places, null where a price is missing."""
        return {
            "total": _six(self.total),
            "total_known": _six(self.total_known),
            "currency": self.currency,
            "parts": {part: _six(amount) for part, amount in self.parts.items()},
            "unpriced": self.unpriced,
        }


def _six(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.6f}"


def call_cost(tenant: Tenant, call_id: UUID | str) -> CostBreakdown | None:
    """What a call of this tenant costs, or None while it is not billed."""
    return call_costs(tenant, [call_id]).get(UUID(str(call_id)))


def call_costs(tenant: Tenant, call_ids: Iterable[UUID | str]) -> dict[UUID, CostBreakdown]:
    """What these calls cost with their corrections, by id, in one query; calls that are not billed are left out."""
    rows = LedgerEntry.objects.filter(tenant=tenant, call_id__in=list(call_ids), source_type=SourceType.CALL)
    found: dict[UUID, list[LedgerEntry]] = {}
    for row in rows.select_related("price_book").order_by("revision"):
        if row.call_id is not None:
            found.setdefault(row.call_id, []).append(row)
    return {call_id: breakdown(Statement(entries)) for call_id, entries in found.items()}


def statement_of(entry: LedgerEntry) -> Statement:
    """An entry with all of its corrections, whichever row of them is given."""
    rows = LedgerEntry.objects.filter(tenant_id=entry.tenant_id, source_type=entry.source_type, source_id=entry.source_id)
    return Statement(list(rows.select_related("price_book", "tenant").order_by("revision")))


def statements_of(entries: Iterable[LedgerEntry]) -> list[Statement]:
    """The same for many entries of one tenant or several, in the order of their first rows' keys, in one query."""
    bases = [entry.corrects_id or entry.pk for entry in entries]
    rows = LedgerEntry.objects.filter(Q(pk__in=bases) | Q(corrects__in=bases)).prefetch_related("price_book", "tenant")
    found: dict[UUID, list[LedgerEntry]] = {}
    for row in rows.order_by("revision"):
        found.setdefault(row.corrects_id or row.pk, []).append(row)
    return [Statement(found[key]) for key in sorted(found)]


def breakdown_of(entry: LedgerEntry) -> CostBreakdown:
    """A ledger entry as pages and APIs show it, by itself: a correction shows the difference that it makes."""
    return breakdown(Statement([entry]))


def breakdown(statement: Statement) -> CostBreakdown:
    """An entry with its corrections as pages and APIs show it."""
    base, latest = statement.base, statement.latest
    return CostBreakdown(
        call_id=base.call_id,
        parts=statement.parts,
        total=statement.total,
        total_known=statement.total_known,
        currency=base.currency,
        unpriced=statement.unpriced,
        lines=[_line(line) for line in statement.lines],
        source=base.source,
        price_book=latest.price_book.version if latest.price_book else None,
        corrections=len(statement.rows) - 1,
    )


def _line(line: dict[str, Any]) -> CostLine:
    amount = None if line["amount"] is None else Decimal(line["amount"])
    return CostLine(line["kind"], line["provider"], line["model"], line["quantities"], amount)
