"""Reads of price books and the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.billing.models import LedgerEntry, Part, PriceBook
from apps.tenants.models import Tenant


@dataclass(frozen=True)
class CostLine:
    """One charged thing. `quantities` such as {"seconds": "40.2"}; `amount` None when it has no price."""

    kind: str
    provider: str
    model: str
    quantities: dict[str, str]
    amount: Decimal | None


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

    @property
    def complete(self) -> bool:
        """True when everything that was used has a price."""
        return self.total is not None


def call_cost(tenant: Tenant, call_id: UUID | str) -> CostBreakdown | None:
    """What a call of this tenant costs, or None while it is not billed."""
    return call_costs(tenant, [call_id]).get(UUID(str(call_id)))


def call_costs(tenant: Tenant, call_ids: Iterable[UUID | str]) -> dict[UUID, CostBreakdown]:
    """What these calls cost, by id, in one query; calls that are not billed are left out."""
    entries = LedgerEntry.objects.filter(tenant=tenant, call_id__in=list(call_ids), revision=0).select_related("price_book")
    return {entry.call_id: breakdown_of(entry) for entry in entries if entry.call_id is not None}


def breakdown_of(entry: LedgerEntry) -> CostBreakdown:
    """A ledger entry as pages and APIs show it."""
    return CostBreakdown(
        call_id=entry.call_id,
        parts={part: getattr(entry, part) for part in Part.values},
        total=entry.total,
        total_known=entry.total_known,
        currency=entry.currency,
        unpriced=entry.unpriced,
        lines=[_line(line) for line in entry.lines],
        source=entry.source,
        price_book=entry.price_book.version if entry.price_book else None,
    )


def price_book_at(moment: datetime) -> PriceBook | None:
    """The price book in effect at a moment, or None before the first one."""
    return PriceBook.objects.filter(effective_from__lte=moment).order_by("-effective_from").first()


def _line(line: dict[str, Any]) -> CostLine:
    amount = None if line["amount"] is None else Decimal(line["amount"])
    return CostLine(line["kind"], line["provider"], line["model"], line["quantities"], amount)
