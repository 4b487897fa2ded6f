"""What finance wants to know of a company's spending, worked out from its days."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from apps.billing.forms_spend import AGENT, CHANNEL, COMPONENT
from apps.billing.models import SourceType
from apps.billing.months import month_before, month_days, month_first
from apps.billing.neighbours import resolved_between
from apps.billing.periods import Period, today_in
from apps.billing.selectors.spend import PARTS, DaySpent, Narrowed, Spent, added, keyed, spend_by_day, spend_by_source, summed
from apps.tenants.models import Tenant

PACE = 28  # days that a forecast looks back, so that each weekday counts alike
LEAST = 3  # whole days of usage before there is a forecast
CHATS = (SourceType.TURN, SourceType.MESSAGE, SourceType.TRANSCRIPT, SourceType.SUMMARY)
COLUMNS = {CHANNEL: "channel", AGENT: "agent_id"}  # parts of a cost are columns of their own


@dataclass(frozen=True)
class Spending:
    """Amounts in one currency, without what has no price yet, and without plan fees and taxes, which an invoice adds.

    `rows` are told apart by the one dimension that spending_of was asked for.
    """

    period: Period
    rows: list[DaySpent]
    spent: Spent
    so_far: Decimal
    forecast: Decimal | None
    last_month: Decimal
    calls: int
    per_call: Decimal | None
    resolved: int | None
    per_resolved: Decimal | None

    @cached_property
    def by_day(self) -> dict[date, Spent]:
        """What each day cost."""
        return {day: added(rows) for day, rows in keyed(self.rows, _day).items()}

    @property
    def is_empty(self) -> bool:
        return self.spent.entries == 0

    def by(self, dimension: str) -> dict[Any, Decimal]:
        """Amounts by channel, agent (None for those of no agent) or component, the largest first."""
        if dimension == COMPONENT:
            amounts = {part: self.spent.parts[part] for part in PARTS if self.spent.parts[part]}
        else:
            amounts = {key: sum(days.values(), Decimal()) for key, days in self._days.items()}
        return dict(sorted(amounts.items(), key=lambda item: item[1], reverse=True))

    def days_of(self, dimension: str, key: Any) -> dict[date, Decimal]:
        """What one channel, agent or component cost, by day."""
        if dimension == COMPONENT:
            return {day: spent.parts[key] for day, spent in self.by_day.items()}
        return self._days.get(key, {})

    @cached_property
    def _days(self) -> dict[Any, dict[date, Decimal]]:
        return {key: {row.day: row.spent.total for row in rows} for key, rows in keyed(self.rows, lambda row: row.key).items()}


def spending_of(tenant: Tenant, period: Period, narrowed: Narrowed, by: str) -> Spending:
    """The spending of a period by channel, agent or component, with this month, the last one and a forecast beside it."""
    today = today_in(tenant.timezone)
    begin = min(period.since, month_before(today), today - timedelta(days=PACE))
    everything = spend_by_day(tenant, replace(narrowed, since=begin, until=max(period.until, today)), COLUMNS.get(by, ""))
    rows = _between(everything, period.since, period.until)
    sources = spend_by_source(tenant, replace(narrowed, since=period.since, until=period.until))
    calls = summed(spent for source, spent in sources.items() if source == SourceType.CALL)
    chats = summed(spent for source, spent in sources.items() if source in CHATS)
    narrow = bool(narrowed.channel or narrowed.agent_id)
    resolved = None if narrow else resolved_between(period.starts, period.ends)
    so_far = added(_between(everything, month_first(today), today)).total
    return Spending(
        period=period,
        rows=rows,
        spent=added(rows),
        so_far=so_far,
        forecast=forecast(everything, today, so_far),
        last_month=added(_between(everything, month_before(today), month_first(today) - timedelta(days=1))).total,
        calls=calls.sources,
        per_call=_each(calls.total, calls.sources),
        resolved=resolved,
        per_resolved=_each(chats.total, resolved or 0),
    )


def forecast(rows: Sequence[DaySpent], today: date, so_far: Decimal) -> Decimal | None:
    """What the month comes to if every day to come costs what the last 28 whole days did; None before three of them."""
    days = [row.day for row in rows if row.day < today]
    if not days or (today - min(days)).days < LEAST:
        return None
    since = max(min(days), today - timedelta(days=PACE))
    pace = added(_between(rows, since, today - timedelta(days=1))).total / (today - since).days
    spent_today = added(_between(rows, today, today)).total
    left = month_days(today) - today.day
    return so_far - spent_today + max(spent_today, pace) + pace * left


def _between(rows: Sequence[DaySpent], since: date, until: date) -> list[DaySpent]:
    return [row for row in rows if since <= row.day <= until]


def _day(row: DaySpent) -> date:
    return row.day


def _each(total: Decimal, count: int) -> Decimal | None:
    return total / count if count else None
