"""Fees, seats and included quantities by the day."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from apps.billing.models import Meter, Plan, Subscription
from apps.billing.months import month_parse
from apps.billing.proration import included_in, share_of, shares_of

D = Decimal
TEAM = Plan(code="team", fee=D("49"), seat_price=D("15"), included_seats=5)
BUSINESS = Plan(code="business", fee=D("199"), seat_price=D("12"), included_seats=20)


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def held(begin: str, end: str | None = None, *, plan: Plan = TEAM, seats: int = 1, trial: str | None = None) -> Subscription:
    return Subscription(plan=plan, seats=seats, started_on=day(begin), ended_on=day(end), trial_until=day(trial))


TABLE = [
    # month, from, until, trial, covered days, days with a fee, fee
    ("2026-11", "2026-01-01", None, None, 30, 30, "49.000000"),
    ("2026-11", "2026-11-01", None, None, 30, 30, "49.000000"),
    ("2026-11", "2026-11-16", None, None, 15, 15, "24.500000"),  # joined in the middle
    ("2026-11", "2026-11-30", None, None, 1, 1, "1.633333"),
    ("2026-11", "2026-01-01", "2026-11-11", None, 10, 10, "16.333333"),
    ("2026-11", "2026-01-01", "2026-12-01", None, 30, 30, "49.000000"),
    ("2026-11", "2026-11-10", "2026-11-11", None, 1, 1, "1.633333"),
    ("2026-11", "2026-11-01", None, "2026-11-15", 30, 16, "26.133333"),  # 14 days of trial
    ("2026-11", "2026-10-25", None, "2026-11-08", 30, 23, "37.566667"),
    ("2026-11", "2026-11-20", None, "2026-12-04", 11, 0, "0.000000"),
    ("2026-12", "2026-11-20", None, "2026-12-04", 31, 28, "44.258065"),
    ("2026-11", "2026-01-01", None, "2026-01-15", 30, 30, "49.000000"),
    ("2026-11", "2026-11-05", "2026-11-10", "2026-12-01", 5, 0, "0.000000"),
    ("2024-02", "2024-02-29", None, None, 1, 1, "1.689655"),  # leap day
    ("2024-02", "2024-01-01", None, None, 29, 29, "49.000000"),
    ("2026-02", "2026-02-15", None, None, 14, 14, "24.500000"),
    ("2026-12", "2026-12-31", "2027-01-01", None, 1, 1, "1.580645"),
]


@pytest.mark.parametrize(("month", "begin", "end", "trial", "days", "fee_days", "fee"), TABLE)
def test_a_month_of_a_plan(
    month: str, begin: str, end: str | None, trial: str | None, days: int, fee_days: int, fee: str
) -> None:
    share = share_of(month_parse(month), held(begin, end, trial=trial))
    assert share is not None
    assert (share.days, share.fee_days, share.fee()) == (days, fee_days, D(fee))


@pytest.mark.parametrize(
    ("begin", "end"),
    [("2026-12-01", None), ("2026-01-01", "2026-11-01"), ("2026-11-09", "2026-11-09"), ("2027-05-01", "2027-06-01")],
)
def test_a_month_that_is_not_covered(begin: str, end: str | None) -> None:
    assert share_of(month_parse("2026-11"), held(begin, end)) is None


def test_a_plan_that_is_changed_in_the_middle() -> None:
    rows = [held("2026-11-11", plan=BUSINESS), held("2026-01-01", "2026-11-11")]
    shares = shares_of(month_parse("2026-11"), rows)
    assert [(share.subscription.plan.code, share.days, share.fee()) for share in shares] == [
        ("team", 10, D("16.333333")),
        ("business", 20, D("132.666667")),
    ]
    assert (shares[0].last, shares[1].first) == (date(2026, 11, 10), date(2026, 11, 11))


def test_seats_that_change_in_the_middle() -> None:
    rows = [held("2026-01-01", "2026-11-16", seats=5), held("2026-11-16", seats=8)]
    shares = shares_of(month_parse("2026-11"), rows)
    assert [(share.extra_seats, share.seats_fee()) for share in shares] == [(0, D(0)), (3, D("22.500000"))]
    assert sum(share.fee() for share in shares) == D("49")


def test_seats_cost_nothing_in_a_trial() -> None:
    share = share_of(month_parse("2026-11"), held("2026-11-01", seats=9, trial="2026-11-16"))
    assert share is not None and share.seats_fee() == D("30.000000")  # 4 seats, half a month


@pytest.mark.parametrize("cut", range(2, 32))
def test_two_halves_of_a_month_cost_the_whole(cut: int) -> None:
    edge = f"2026-12-{cut:02}"
    shares = shares_of(month_parse("2026-12"), [held("2026-12-01", edge), held(edge)])
    assert abs(sum(share.fee() for share in shares) - 49) <= D("0.000001")
    assert sum(share.days for share in shares) == 31


def test_what_is_included_goes_by_the_day_too() -> None:
    quantities = {(TEAM.pk, Meter.CALL_MINUTES.value): D(300), (BUSINESS.pk, Meter.CALL_MINUTES.value): D(3000)}
    quantities[BUSINESS.pk, Meter.MESSAGES.value] = D(900)
    rows = [held("2026-01-01", "2026-11-11", trial="2026-12-01"), held("2026-11-11", plan=BUSINESS)]
    found = included_in(shares_of(month_parse("2026-11"), rows), quantities)
    assert found == {Meter.CALL_MINUTES: Fraction(2100), Meter.MESSAGES: Fraction(600)}
