"""Re-rating: what was used without a price is charged by a row beside its entry, once there is a price."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from apps.billing.costs import Line, line_of
from apps.billing.models import KIND_PARTS, LedgerEntry, Part, PastPrice, Price, PriceBook
from apps.billing.rating import UNITS, ZERO, Rates
from apps.billing.selectors.costs import statements_of
from apps.billing.selectors.prices import Shelf
from apps.billing.selectors.unpriced import unpriced_latest
from apps.billing.services.corrections import differences, revision_row
from apps.billing.services.ledger import entries_write
from apps.billing.statement import Key, Statement, key_of, lines_between
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

log = structlog.get_logger(__name__)
BATCH = 500
RERATE = LedgerEntry.Source.RERATE
REASON = "A price has come."


@dataclass
class RerateReport:
    """What re-rating found: `rated` of `seen` entries got prices; `amounts` by currency are what that comes to."""

    seen: int = 0
    rated: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)

    def add(self, currency: str, amount: Decimal) -> None:
        self.rated += 1
        self.amounts[currency] = self.amounts.get(currency, ZERO) + amount


@dataclass(frozen=True)
class Due:
    """An entry that can be charged, the row that does it, and the decision behind the price where it was one."""

    statement: Statement
    values: dict[str, Any]
    reason: str = REASON
    by: str = ""


def entries_rerate(*, tenant: Tenant | None = None, dry_run: bool = False, batch: int = BATCH) -> RerateReport:
    """Charges what has a price by now, in batches that each commit. Broken off or done twice, it charges nothing twice."""
    report, shelf = RerateReport(), Shelf()
    keys = unpriced_latest(tenant)
    for place in range(0, len(keys), batch):
        with transaction.atomic():
            due = _due(keys[place : place + batch], shelf, lock=not dry_run, report=report)
            rows = [revision_row(one.statement, one.values, source=RERATE, reason=one.reason, by=one.by) for one in due]
            for row in rows if dry_run else entries_write(rows):
                report.add(row.currency, row.total_known)
    return report


def rerate_soon(since: datetime) -> None:
    """After the commit, where the price reaches into the past. A queue that is down loses nothing: the nightly run comes."""
    if since <= timezone.now():
        transaction.on_commit(_wake)


@transaction.atomic
def past_price_decide(
    *,
    kind: str,
    provider: str,
    model: str,
    unit: str,
    price: Decimal,
    reason: str,
    by: str,
    provider_cost: Decimal = ZERO,
    currency: str = "USD",
    tenant: Tenant | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> PastPrice:
    """Finance decides what is charged for past use that had no price, of one tenant or all; written down with who and why.

    Raises PermanentError where that was decided already: what was charged by it stays, and is corrected entry by entry.
    """
    if not reason.strip() or not by:
        raise PermanentError(_("Say in a sentence why this price counts for the past too."))
    if price < 0 or provider_cost < 0:
        raise PermanentError(_("A price is nothing or more."))
    last = until or timezone.now()
    same = PastPrice.objects.filter(kind=kind, provider=provider, model=model, currency=currency)
    same = same if tenant is None else same.filter(tenant=None) | same.filter(tenant=tenant)
    for other in same:
        apart = (since is not None and other.until <= since) or (other.since is not None and other.since >= last)
        if UNITS[other.unit][0] == UNITS[unit][0] and not apart:
            raise PermanentError(
                _("This was decided on %(day)s by %(who)s. What was charged by it stays; correct the entries that are wrong.")
                % {"day": f"{other.created_at:%Y-%m-%d}", "who": other.decided_by}
            )
    decided = PastPrice.objects.create(
        tenant=tenant, kind=kind, provider=provider, model=model, unit=unit, currency=currency, price=price,
        provider_cost=provider_cost, since=since, until=last, reason=reason.strip()[:300], decided_by=by,
    )  # fmt: skip
    transaction.on_commit(_wake)
    return decided


@transaction.atomic
def past_price_from_book(
    *, book: PriceBook, kind: str, provider: str, model: str, reason: str, by: str, tenant: Tenant | None = None
) -> list[PastPrice]:
    """A model's prices of this book count also for what was used before it. Raises PermanentError where it has none."""
    prices = list(Price.objects.filter(book=book, kind=kind, provider=provider, model=model).select_related("book"))
    if not prices:
        raise PermanentError(_("%(book)s has no price for %(model)s. Add it there first.") % {"book": book, "model": model})
    until = book.effective_from
    return [
        past_price_decide(
            kind=kind, provider=provider, model=model, unit=price.unit, price=price.charged.quantize(ZERO), reason=reason, by=by,
            provider_cost=price.provider_cost, currency=book.currency, tenant=tenant, until=until,
        )
        for price in prices
    ]  # fmt: skip


def _wake() -> None:
    from apps.billing.tasks_metering import rerate_task

    try:
        rerate_task.apply_async(retry=False)
    except OperationalError as error:
        log.warning("rerate_not_hurried", error=type(error).__name__)


def _due(keys: Sequence[UUID], shelf: Shelf, *, lock: bool, report: RerateReport) -> Iterator[Due]:
    """Those of a batch that something has a price for by now, with the row that says so."""
    rows = LedgerEntry.objects.filter(pk__in=keys).order_by("pk").only("corrects")
    for statement in statements_of(rows.select_for_update() if lock else rows):
        if statement.total is not None:
            continue
        report.seen += 1
        base = statement.base
        pricing = shelf.at(base.tenant_id, base.started_at, base.currency)
        values = rerated(statement, pricing.rates)
        if values is not None:
            lacked = {key_of(row) for row in statement.unpriced} - {key_of(row) for row in values["unpriced"]}
            told = [(row.reason, row.decided_by) for row in pricing.decided if (row.kind, row.provider, row.model) in lacked]
            yield Due(
                statement, {**values, "price_book_id": pricing.book.pk if pricing.book else None}, *(told[0] if told else ())
            )


def rerated(statement: Statement, rates: Rates) -> dict[str, Any] | None:
    """The columns of a row that charges what had no price and has one by these rates; None where nothing has.

    What had a price keeps it, and what finance corrected by hand stays as it is.
    """
    lacking = {key_of(row) for row in statement.unpriced}
    fresh = [line_of(item, rates) for item in statement.items]
    still = {line.item.key for line in fresh if line.amount is None}
    priced = lacking - still
    if not priced:
        return None
    left = [row for row in statement.unpriced if key_of(row) not in priced]
    added = [line for line in fresh if line.item.key in priced]
    old = [line for line in statement.lines if key_of(line) in priced]
    return {
        **differences(statement, _parts(statement, added, {key_of(row) for row in left}), _cost(fresh)),
        "lines": lines_between(old, [line.as_json() for line in added]),
        "unpriced": left,
    }


def _parts(statement: Statement, added: Sequence[Line], left: set[Key]) -> dict[str, Decimal | None]:
    """What each part costs now: as before where it was known, None where something of it still has no price."""
    unknown = {_part(kind) for kind, _provider, _model in left}
    parts = dict(statement.parts)
    for part in Part.values:
        if parts[part] is None and part not in unknown:
            before = [line["amount"] for line in statement.lines if _part(line["kind"]) == part and line["amount"] is not None]
            now = [line.amount for line in added if line.item.part == part and line.amount is not None]
            parts[part] = sum(map(Decimal, before), ZERO) + sum(now, ZERO)
    return parts


def _cost(lines: Sequence[Line]) -> Decimal | None:
    costs = [line.provider_cost for line in lines]
    return None if None in costs else sum((cost for cost in costs if cost is not None), ZERO)


def _part(kind: str) -> str:
    return KIND_PARTS.get(kind, Part.PLATFORM)
