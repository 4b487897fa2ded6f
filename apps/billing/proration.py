"""What of a month a subscription covers: fees, seats and included quantities go by the day. No I/O."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from apps.billing.costs import rounded
from apps.billing.models import Plan, Subscription
from apps.billing.months import month_days, month_first, month_next


@dataclass(frozen=True)
class Share:
    """How many of a month's days a subscription covers, and for how many of them a fee is due."""

    subscription: Subscription
    first: date
    last: date
    days: int
    fee_days: int
    month_days: int

    @property
    def covered(self) -> Fraction:
        """The part of the month that it covers, trial days too."""
        return Fraction(self.days, self.month_days)

    @property
    def charged(self) -> Fraction:
        """The part of the month that costs a fee."""
        return Fraction(self.fee_days, self.month_days)

    @property
    def extra_seats(self) -> int:
        """The seats above those that the plan includes."""
        return max(0, self.subscription.seats - self.subscription.plan.included_seats)

    def fee(self) -> Decimal:
        """The plan's fee for the days that cost one, to 6 places."""
        return rounded(Fraction(self.subscription.plan.fee) * self.charged)

    def seats_fee(self) -> Decimal:
        """What the seats above those included cost for these days, to 6 places."""
        return rounded(Fraction(self.subscription.plan.seat_price) * self.extra_seats * self.charged)


def subscription_at(rows: Iterable[Subscription], day: date) -> Subscription | None:
    """The row that covers a day."""
    return next((row for row in rows if row.started_on <= day and (row.ended_on is None or row.ended_on > day)), None)


def trial_left(row: Subscription | None, day: date) -> date | None:
    """The first day after a trial that still runs on a day."""
    return row.trial_until if row and row.trial_until and row.trial_until > day else None


def rows_changed(rows: Iterable[Subscription], plan: Plan, seats: int, day: date) -> list[Subscription]:
    """What the rows would be if a plan began on a day; nothing is written, and the rows given stay as they are."""
    rows, kept = list(rows), []
    for row in rows:
        if row.started_on < day:
            shorter = copy(row)
            shorter.ended_on = day if row.ended_on is None else min(day, row.ended_on)
            kept.append(shorter)
    trial = trial_left(subscription_at(rows, day), day)
    return [*kept, Subscription(plan=plan, seats=seats, started_on=day, trial_until=trial)]


def rows_with_seats(rows: Iterable[Subscription], count: int, day: date) -> list[Subscription]:
    """The row that covers a day, with more seats from then on: itself where it begins then, else cut there and followed by one.

    Copies; what follows later stays as it is, and so does a trial. Nothing where no row covers the day.
    """
    now = subscription_at(rows, day)
    if now is None:
        return []
    if now.started_on == day:
        more = copy(now)
        more.seats += count
        return [more]
    shorter, trial = copy(now), trial_left(now, day)
    shorter.ended_on = day
    wider = Subscription(plan=now.plan, seats=now.seats + count, started_on=day, ended_on=now.ended_on, trial_until=trial)
    return [shorter, wider]


def shares_of(month: date, subscriptions: Iterable[Subscription]) -> list[Share]:
    """The subscriptions that cover a day of the month, in the order in which they begin."""
    found = [share for one in subscriptions if (share := share_of(month, one)) is not None]
    return sorted(found, key=lambda share: share.first)


def share_of(month: date, subscription: Subscription) -> Share | None:
    """What of the month a subscription covers, or None."""
    begin, end = month_first(month), month_next(month)
    first = max(begin, subscription.started_on)
    stop = min(end, subscription.ended_on or end)
    if stop <= first:
        return None
    charged_from = max(first, subscription.trial_until or first)
    return Share(
        subscription=subscription,
        first=first,
        last=date.fromordinal(stop.toordinal() - 1),
        days=(stop - first).days,
        fee_days=max(0, (stop - charged_from).days),
        month_days=month_days(month),
    )


def included_in(shares: Iterable[Share], quantities: dict[tuple[object, str], Decimal]) -> dict[str, Fraction]:
    """How much of each meter the month includes. `quantities` is by (plan's id, meter), for a whole month."""
    totals: dict[str, Fraction] = {}
    for share in shares:
        for (plan_id, meter), quantity in quantities.items():
            if plan_id == share.subscription.plan_id:
                totals[meter] = totals.get(meter, Fraction(0)) + Fraction(quantity) * share.covered
    return totals
