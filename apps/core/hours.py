"""Business hours: a week of spans in a time zone, checked, asked, and as people write them."""

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.core.errors import PermanentError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN = re.compile(r"^\s*(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?\s*$")
Hours = dict[str, list[list[str]]]


def hours_open(hours: Hours, moment: datetime, zone: str) -> bool:
    """True within the hours of the moment's day there; a span such as 22:00 to 06:00 belongs to the day it begins on."""
    if not hours:
        return True
    local = moment.astimezone(_zone(zone))
    today, yesterday = DAYS[local.weekday()], DAYS[(local - timedelta(days=1)).weekday()]
    clock = local.time()
    within = any(_within(clock, *span) for span in _spans(hours, today))
    return within or any(start >= end > clock for start, end in _spans(hours, yesterday))


def hours_check(hours: Hours, zone: str) -> None:
    """Raises PermanentError with a sentence when hours or time zone cannot be read."""
    unknown = set(hours) - set(DAYS)
    if unknown:
        raise PermanentError(f"“{sorted(unknown)[0]}” is no day: use mon, tue, wed, thu, fri, sat and sun.")
    for day in hours:
        try:
            _spans(hours, day)
        except (ValueError, TypeError) as error:
            raise PermanentError(f'The hours of {day} cannot be read: write them as [["09:00", "17:00"]].') from error
    if zone:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise PermanentError(f"“{zone}” is no time zone: use a name such as Europe/Berlin.") from error


def _spans(hours: Hours, day: str) -> list[tuple[time, time]]:
    return [(_clock(start), _clock(end)) for start, end in hours.get(day, [])]


def _clock(text: str) -> time:
    """Raises ValueError; also for a time that brings a time zone of its own, which no other could be compared with."""
    clock = time.max if text == "24:00" else time.fromisoformat(text)
    if clock.tzinfo is not None:
        raise ValueError(text)
    return clock


def _within(clock: time, start: time, end: time) -> bool:
    return start <= clock < end if start < end else clock >= start


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def spans_of(text: str) -> list[list[str]]:
    """`9-12, 13:00-17:30` as [["09:00", "12:00"], ["13:00", "17:30"]]. Raises ValueError."""
    return [_span(part) for part in text.split(",") if part.strip()]


def _span(part: str) -> list[str]:
    found = SPAN.match(part)
    if found is None:
        raise ValueError(part)
    start, end = (_written(found[at], found[at + 1]) for at in (1, 3))
    if start == end:
        raise ValueError(part)
    return [start, end]


def _written(hour: str, minute: str | None) -> str:
    clock = f"{int(hour):02}:{minute or '00'}"
    if clock != "24:00" and not (int(hour) < 24 and int(minute or 0) < 60):
        raise ValueError(clock)
    return clock


def spans_text(spans: list[list[str]]) -> str:
    """The same back, as people write it."""
    return ", ".join("-".join(span) for span in spans)
