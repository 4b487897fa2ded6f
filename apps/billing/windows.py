"""The days and months that spend limits count in, as the tenant's time zone has them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from apps.billing.models import SpendLimit

Period = SpendLimit.Period


def window_start(period: str, moment: datetime, zone: str) -> date:
    """The first day of the window that a moment lies in."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    return day.replace(day=1) if period == Period.MONTH else day


def window_bounds(period: str, starts_on: date, zone: str) -> tuple[datetime, datetime]:
    """When a window begins, and when the next one does; a day is 23 or 25 hours long where clocks change."""
    return _midnight(starts_on, zone), _midnight(window_next(period, starts_on), zone)


def window_next(period: str, starts_on: date) -> date:
    """The first day of the window after."""
    if period == Period.DAY:
        return starts_on + timedelta(days=1)
    return (starts_on.replace(day=1) + timedelta(days=32)).replace(day=1)


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
