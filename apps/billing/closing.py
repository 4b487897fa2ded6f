"""When the books of a month are closed: from then on, what was booked in it is not changed any more."""

from datetime import UTC, date, datetime

from django.conf import settings
from django.utils import timezone

from apps.billing.months import month_next


def books_close_at(day: date) -> datetime:
    """When the books of the month that a day lies in are closed: on BOOKS_CLOSE_DAY of the month after, at midnight UTC."""
    after = month_next(day)
    return datetime(after.year, after.month, settings.BOOKS_CLOSE_DAY, tzinfo=UTC)


def books_closed(day: date) -> bool:
    """Whether the books of that day's month are closed."""
    return timezone.now() >= books_close_at(day)
