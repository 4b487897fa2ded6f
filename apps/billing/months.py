"""Months as a tenant counts them: from midnight to midnight in its own time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.core.errors import PermanentError


def month_first(day: date) -> date:
    """The first day of the month that a day lies in."""
    return day.replace(day=1)


def month_next(month: date) -> date:
    """The first day of the month after."""
    return (month_first(month) + timedelta(days=32)).replace(day=1)


def month_before(month: date) -> date:
    """The first day of the month before."""
    return month_first(month_first(month) - timedelta(days=1))


def month_days(month: date) -> int:
    """How many days it has: 28 to 31."""
    return (month_next(month) - month_first(month)).days


def month_bounds(month: date, zone: str) -> tuple[datetime, datetime]:
    """When a month begins and ends (not included) in a time zone, in UTC. Raises PermanentError for an unknown zone."""
    return day_begin(month_first(month), zone), day_begin(month_next(month), zone)


def day_begin(day: date, zone: str) -> datetime:
    """The first moment of a day in a time zone, in UTC.

    A midnight that the clock jumps over is the moment of the jump, one that comes twice is the first of the two.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone_of(zone)).astimezone(UTC)


def day_at(moment: datetime, zone: str) -> date:
    """Which day it is in a time zone. Raises PermanentError for an unknown zone."""
    return moment.astimezone(zone_of(zone)).date()


def month_parse(text: str) -> date:
    """The month of a text such as 2026-11, of which there are those beside it. Raises PermanentError."""
    try:
        month = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        month = date.max
    if not date.min.year < month.year < date.max.year:
        raise PermanentError(f"“{text}” is not a month; write it as 2026-11.")
    return month


def zone_of(name: str) -> ZoneInfo:
    """Raises PermanentError when there is no such time zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PermanentError(f"“{name}” is not a time zone; set one such as Europe/Berlin under Settings, Company.") from None
