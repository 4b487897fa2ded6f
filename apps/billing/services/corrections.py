"""Corrections: rows beside an entry that hold only the difference, so that sums over the ledger are always right."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.billing.beside import beside_in
from apps.billing.costs import Cost, rated
from apps.billing.models import BillingConflict, LedgerEntry, Part
from apps.billing.models.money import part_of
from apps.billing.rating import ZERO
from apps.billing.selectors.costs import statement_of
from apps.billing.selectors.prices import pricing_at
from apps.billing.services.ledger import entry_write, usage_hash
from apps.billing.statement import Statement, items_for, lines_between
from apps.core.errors import PermanentError

Source = LedgerEntry.Source
COPIED = ("tenant", "source_type", "source_id", "call_id", "conversation_id", "agent_id", "channel", "started_at", "ended_at")


@transaction.atomic
def entry_correct(
    *,
    entry: LedgerEntry,
    reason: str,
    by: str,
    usage: Iterable[Mapping[str, Any]] | None = None,
    duration: Decimal | None = None,
    amounts: Mapping[str, Decimal] | None = None,
    source: str = Source.CORRECTION,
) -> LedgerEntry | None:
    """Writes what an entry should have said as a new revision that holds the difference; None where nothing differs.

    Either `usage` (rows as in contracts.md; of a call with `duration` in seconds where that was wrong too), which is rated at the
    prices of then; or `amounts`, what the parts named should cost in all. Doing it again changes nothing. Raises PermanentError.
    """
    if (usage is None) == (amounts is None):
        raise PermanentError(_("Say either what was used, or what it should cost."))
    if source == Source.CORRECTION and not (reason.strip() and by):
        raise PermanentError(_("Say in a sentence why it is corrected."))
    statement = statement_lock(entry)
    made = _by_amounts(statement, amounts) if usage is None else _by_usage(statement, [dict(row) for row in usage], duration)
    return None if made is None else revision_write(statement, made, source=source, reason=reason, by=by)


def conflict_accept(*, conflict: BillingConflict, by: str) -> LedgerEntry | None:
    """Finance takes the second report: the entry is corrected by what that says. None where the cost stays the same."""
    report = conflict.report
    length = report.get("duration")
    seconds = None if length is None else Decimal(str(length))
    resolution = _("The later report counts.")
    with transaction.atomic():
        beside = [] if beside_in(report["usage"]) else beside_in(statement_of(conflict.entry).usage)
        usage = [*report["usage"], *beside]  # a report of the agent says nothing of Media Bot
        made = entry_correct(entry=conflict.entry, usage=usage, duration=seconds, reason=resolution, by=by)
        conflict.resolution, conflict.resolved_at = resolution, timezone.now()
        conflict.save(update_fields=["resolution", "resolved_at"])
    return made


def statement_lock(entry: LedgerEntry) -> Statement:
    """An entry with its corrections, locked against others who correct it."""
    LedgerEntry.objects.select_for_update().get(pk=entry.corrects_id or entry.pk)
    return statement_of(entry)


def revision_write(statement: Statement, values: dict[str, Any], *, source: str, reason: str, by: str) -> LedgerEntry:
    """Writes the next revision of a locked statement."""
    return entry_write(revision_row(statement, values, source=source, reason=reason, by=by))[0]


def revision_row(statement: Statement, values: dict[str, Any], *, source: str, reason: str, by: str) -> LedgerEntry:
    """The same row, not yet written."""
    base = statement.base
    columns = {"duration": ZERO, "usage": [], "content_hash": "", "price_book_id": base.price_book_id, **values}
    facts = {name: getattr(base, name) for name in COPIED}
    return LedgerEntry(
        **facts,
        **columns,
        revision=statement.latest.revision + 1,
        corrects=base,
        ended_reason=base.ended_reason,
        currency=base.currency,
        source=source,
        reason=reason.strip()[:300],
        by=by,
    )


def differences(statement: Statement, parts: Mapping[str, Decimal | None], cost: Decimal | None) -> dict[str, Any]:
    """The columns of a row that makes these the parts and the provider's cost.

    Of a part without a price nothing is charged, as if it had been told so first: what was charged for it is taken back.
    """
    changes = {part: _change(statement.known(part), value) for part, value in parts.items()}
    known = sum((value for value in changes.values() if value is not None), ZERO)
    return {
        **changes,
        "total": None if None in parts.values() else known,
        "total_known": known,
        "provider_cost": None if cost is None else cost - statement.cost_known,
    }


def _change(known: Decimal, wanted: Decimal | None) -> Decimal | None:
    return (-known or None) if wanted is None else wanted - known


def _by_usage(statement: Statement, usage: list[dict[str, Any]], duration: Decimal | None) -> dict[str, Any] | None:
    base = statement.base
    seconds = statement.duration if duration is None else duration
    pricing = pricing_at(base.tenant, base.started_at, base.currency)
    cost = rated(items_for(base, usage, seconds), pricing.rates)
    lines = lines_between(statement.lines, [line.as_json() for line in cost.lines])
    values = {
        **differences(statement, cost.parts, cost.provider_cost),
        "lines": lines,
        "unpriced": cost.unpriced,
        "usage": usage,
        "content_hash": usage_hash(usage),
        "duration": seconds - statement.duration,
        "price_book_id": pricing.book.pk if pricing.book else None,
    }
    same = not lines and not values["duration"] and _same(statement, cost)
    return None if same else values


def _same(statement: Statement, cost: Cost) -> bool:
    return statement.parts == cost.parts and statement.total == cost.total


def _by_amounts(statement: Statement, amounts: Mapping[str, Decimal] | None) -> dict[str, Any] | None:
    wanted = {part: amount.quantize(ZERO, ROUND_HALF_EVEN) for part, amount in (amounts or {}).items()}
    if not wanted or wanted.keys() - set(Part.values) or min(wanted.values()) < 0:
        raise PermanentError(_("Say what each part should cost in all: nothing or more."))
    parts = {**statement.parts, **wanted}
    if parts == statement.parts:
        return None
    unpriced = [row for row in statement.unpriced if parts[part_of(row["kind"])] is None]
    cost = statement.cost_known if statement.latest.provider_cost is not None else None
    changed = {part: wanted[part] - statement.known(part) for part in wanted}
    lines = [_amount_line(part, change) for part, change in changed.items() if change]
    return {**differences(statement, parts, cost), "lines": lines, "unpriced": unpriced}


def _amount_line(part: str, change: Decimal) -> dict[str, Any]:
    return {"kind": part, "provider": "meridian", "model": "correction", "quantities": {}, "amount": str(change)}
