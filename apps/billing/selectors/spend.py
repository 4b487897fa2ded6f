"""Reads of spending: days added up, with the entries that are in none yet, so that sums are the ledger's at any moment."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max, Min

from apps.billing.models import Part, SpendDay
from apps.tenants.models import Tenant

PARTS = tuple(Part.values)
SUMMED = ("entries", "sources", "duration", *PARTS, "total_known")
SUMS = ", ".join(f"sum({name})" for name in SUMMED)
KINDS = ("source_type", "channel", "agent_id", "currency")
ROW = f"""SELECT (entry.started_at AT TIME ZONE %s)::date AS day, {", ".join(f"entry.{name}" for name in KINDS)},
  1 AS entries, (entry.revision = 0)::int AS sources, entry.duration,
  {", ".join(f"coalesce(entry.{part}, 0) AS {part}" for part in PARTS)}, entry.total_known"""
LEDGER = f"({ROW} FROM billing_ledgerentry entry WHERE entry.tenant_id = %s) AS spent"
ADDED = f"""
(SELECT day, {", ".join((*KINDS, *SUMMED))} FROM billing_spendday WHERE zone = %s AND tenant_id = %s UNION ALL
 {ROW} FROM billing_spendpending waiting JOIN billing_ledgerentry entry ON entry.id = waiting.entry_id
 WHERE entry.tenant_id = %s) AS spent"""  # noqa: S608


@dataclass(frozen=True)
class Narrowed:
    """Which spending is meant; what is None or empty does not narrow it. Days are those of the tenant's time zone."""

    since: date | None = None
    until: date | None = None  # included
    source_type: str = ""
    channel: str = ""
    agent_id: UUID | None = None
    currency: str = ""

    @property
    def where(self) -> tuple[str, list[Any]]:
        """The condition and its values."""
        tests: list[tuple[str, Any]] = [
            ("day >= %s", self.since),
            ("day <= %s", self.until),
            ("source_type = %s", self.source_type),
            ("channel = %s", self.channel),
            ("agent_id = %s", self.agent_id),
            ("currency = %s", self.currency),
        ]
        held = [(test, value) for test, value in tests if value]
        return " AND ".join(["true", *(test for test, _value in held)]), [value for _test, value in held]


@dataclass(frozen=True)
class Spent:
    """Sums of some of the ledger. `sources` counts calls, answers and messages, without corrections; `duration` in seconds."""

    entries: int
    sources: int
    duration: Decimal
    parts: dict[str, Decimal]
    total: Decimal


@dataclass(frozen=True)
class DaySpent:
    """What one day cost; `key` is the channel or agent that it cost it for, None where they are not told apart."""

    day: date
    key: Any
    spent: Spent


def spend_by_day(tenant: Tenant, narrowed: Narrowed, by: str = "") -> list[DaySpent]:
    """Spending by the days of the tenant's time zone, in no order; told apart `by` one of KINDS, or not."""
    kind = by if by in KINDS else "NULL"
    rows = _rows(tenant, f"day, {kind}, {SUMS}", narrowed, "GROUP BY 1, 2")
    return [DaySpent(row[0], row[1], _spent(row[2:])) for row in rows]


def spend_by_source(tenant: Tenant, narrowed: Narrowed) -> dict[str, Spent]:
    """Spending by what was used: calls, answers, messages and so on."""
    rows = _rows(tenant, f"source_type, {SUMS}", narrowed, "GROUP BY 1")
    return {row[0]: _spent(row[1:]) for row in rows}


def spend_total(tenant: Tenant, narrowed: Narrowed) -> Spent:
    """What it is all together; its amounts mean something in one currency only, its counts in any."""
    return _spent(_rows(tenant, SUMS, narrowed)[0])


def spend_totals(tenant: Tenant, narrowed: Narrowed) -> dict[str, Spent]:
    """The same by currency: amounts in two of them cannot be added up."""
    rows = _rows(tenant, f"currency, {SUMS}", narrowed, "GROUP BY currency")
    return {row[0]: _spent(row[1:]) for row in rows}


def spend_kinds(tenant: Tenant) -> dict[str, list[Any]]:
    """Which source types, channels, agents and currencies a tenant has ever paid for; empty lists before the first usage."""
    found = _rows(tenant, f"DISTINCT {', '.join(KINDS)}", Narrowed())
    return {name: sorted({row[place] for row in found if row[place]}) for place, name in enumerate(KINDS)}


def added(rows: Iterable[DaySpent]) -> Spent:
    """The sum of rows."""
    return summed(row.spent for row in rows)


def summed(sums: Iterable[Spent]) -> Spent:
    """The sum of sums."""
    kept = list(sums)
    return Spent(
        entries=sum(one.entries for one in kept),
        sources=sum(one.sources for one in kept),
        duration=sum((one.duration for one in kept), Decimal()),
        parts={part: sum((one.parts[part] for one in kept), Decimal()) for part in PARTS},
        total=sum((one.total for one in kept), Decimal()),
    )


def keyed(rows: Iterable[DaySpent], key: Callable[[DaySpent], Any]) -> dict[Any, list[DaySpent]]:
    """Rows by what `key` says of them."""
    found: dict[Any, list[DaySpent]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def _rows(tenant: Tenant, columns: str, narrowed: Narrowed, rest: str = "") -> list[tuple[Any, ...]]:
    """From the days, or straight from the ledger while they are still those of another time zone."""
    zone, (where, values) = tenant.timezone, narrowed.where
    zones = set(SpendDay.objects.filter(tenant=tenant).aggregate(Min("zone"), Max("zone")).values()) - {None}
    source, given = (ADDED, [zone, tenant.pk, zone, tenant.pk]) if zones <= {zone} else (LEDGER, [zone, tenant.pk])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {source} WHERE {where} {rest}", [*given, *values])  # noqa: S608
        return cursor.fetchall()


def _spent(row: tuple[Any, ...]) -> Spent:
    entries, sources, duration, *amounts = [value or 0 for value in row]
    parts = {part: Decimal(amount) for part, amount in zip(PARTS, amounts[:-1], strict=True)}
    return Spent(int(entries), int(sources), Decimal(duration), parts, Decimal(amounts[-1]))
