"""Bounds of a month in its tenant's time zone: daylight saving, year ends, leap days."""

from datetime import UTC, date, datetime

import pytest

from apps.billing.months import day_at, day_begin, month_before, month_bounds, month_days, month_next, month_parse
from apps.core.errors import PermanentError

BOUNDS = [
    ("UTC", "2026-11", "2026-11-01T00:00", "2026-12-01T00:00"),
    ("Europe/Berlin", "2026-03", "2026-02-28T23:00", "2026-03-31T22:00"),  # summer time begins within: an hour short
    ("Europe/Berlin", "2026-10", "2026-09-30T22:00", "2026-10-31T23:00"),  # and ends within: an hour long
    ("Europe/Berlin", "2026-12", "2026-11-30T23:00", "2026-12-31T23:00"),
    ("America/New_York", "2026-11", "2026-11-01T04:00", "2026-12-01T05:00"),  # ends at 2 on the first itself
    ("America/Los_Angeles", "2024-02", "2024-02-01T08:00", "2024-03-01T08:00"),
    ("Asia/Kolkata", "2026-01", "2025-12-31T18:30", "2026-01-31T18:30"),
    ("Asia/Kathmandu", "2026-01", "2025-12-31T18:15", "2026-01-31T18:15"),
    ("Pacific/Kiritimati", "2027-01", "2026-12-31T10:00", "2027-01-31T10:00"),
    ("Pacific/Pago_Pago", "2026-12", "2026-12-01T11:00", "2027-01-01T11:00"),
    ("Australia/Lord_Howe", "2026-04", "2026-03-31T13:00", "2026-04-30T13:30"),  # half an hour of summer time
    ("America/Sao_Paulo", "1985-11", "1985-11-01T03:00", "1985-12-01T02:00"),
    ("Asia/Amman", "2011-04", "2011-03-31T22:00", "2011-04-30T21:00"),  # the midnight of 1 April is jumped over
    ("America/Havana", "2026-11", "2026-11-01T04:00", "2026-12-01T05:00"),  # and the one of 1 November comes twice
]


@pytest.mark.parametrize(("zone", "month", "begin", "end"), BOUNDS)
def test_bounds(zone: str, month: str, begin: str, end: str) -> None:
    wanted = tuple(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begin, end))
    assert month_bounds(month_parse(month), zone) == wanted


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Havana", "Asia/Amman", "Australia/Lord_Howe", "Africa/Cairo"])
def test_months_leave_no_gap_and_never_overlap(zone: str) -> None:
    month = date(2005, 1, 1)
    while month < date(2031, 1, 1):
        begin, end = month_bounds(month, zone)
        assert month_bounds(month_next(month), zone)[0] == end > begin
        assert day_at(begin, zone) == month
        month = month_next(month)


@pytest.mark.parametrize(
    ("month", "days"),
    [("2024-02", 29), ("2026-02", 28), ("2000-02", 29), ("2100-02", 28), ("2026-04", 30), ("2026-12", 31), ("2027-01", 31)],
)
def test_days(month: str, days: int) -> None:
    assert month_days(month_parse(month)) == days


def test_year_ends() -> None:
    assert month_next(date(2026, 12, 1)) == date(2027, 1, 1)
    assert month_before(date(2027, 1, 1)) == date(2026, 12, 1)
    assert month_next(date(2028, 1, 31)) == date(2028, 2, 1)
    assert month_before(date(2028, 3, 31)) == date(2028, 2, 1)


def test_which_day_it_is() -> None:
    moment = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert day_at(moment, "Europe/Berlin") == date(2027, 1, 1)
    assert day_at(moment, "America/New_York") == date(2026, 12, 31)
    assert day_begin(date(2027, 1, 1), "Europe/Berlin") < moment


@pytest.mark.parametrize("text", ["2026-13", "2026", "november", "2026-11-01", "", "9999-12", "0001-01"])
def test_what_is_no_month(text: str) -> None:
    with pytest.raises(PermanentError, match="write it as 2026-11"):
        month_parse(text)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_what_is_no_time_zone(zone: str) -> None:
    with pytest.raises(PermanentError, match="not a time zone"):
        month_bounds(date(2026, 1, 1), zone)
