"""How the last two weeks went, day by day: what came, how much of it was answered and handed over, delays and moods.

Delays and moods are of a day's newest calls only, so that two weeks of a big company cost no more than those of a small one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from apps.calls.models import Call, EndedReason
from apps.calls.selectors_pages import day_start
from apps.desktop.models import Conversation

DAYS = 14
NEWEST = 200  # calls of a day that are measured
MEASURED = """
SELECT day.number,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY (event.data ->> 'e2e')::float) FILTER (WHERE event.type = 'latency'),
  percentile_cont(0.95) WITHIN GROUP (ORDER BY (event.data ->> 'e2e')::float) FILTER (WHERE event.type = 'latency'),
  avg((event.data ->> 'score')::float) FILTER (WHERE event.type = 'sentiment')
FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY AS day (since, until, number)
CROSS JOIN LATERAL (SELECT id FROM calls_call WHERE started_at >= day.since AND started_at < day.until AND NOT trial
  ORDER BY started_at DESC, id DESC LIMIT %s) AS newest
JOIN calls_callevent AS event ON event.call_id = newest.id AND event.type IN ('latency', 'sentiment')
GROUP BY day.number
"""


@dataclass
class DayGone:
    """One day. Delays in seconds, mood from -1 to 1, both None where nothing was measured."""

    day: date
    calls: int = 0
    answered: int = 0
    through: int = 0
    chats: int = 0
    with_ai: int = 0
    handed: int = 0
    p50: float | None = None
    p95: float | None = None
    mood: float | None = None

    def share(self, part: int, whole: int) -> int | None:
        """In percent; None of nothing."""
        return round(100 * part / whole) if whole else None


@dataclass(frozen=True)
class Trends:
    """The days, today last."""

    days: list[DayGone] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not any(day.calls or day.chats for day in self.days)


def trends_of(zone: str) -> Trends:
    """The last 14 days, today included, as days of the time zone `zone`. Calls on trial do not count."""
    today = timezone.now().astimezone(ZoneInfo(zone)).date()
    days = {day: DayGone(day) for day in (today - timedelta(days=back) for back in reversed(range(DAYS)))}
    _calls(days, zone)
    _chats(days, zone)
    _measured(list(days.values()), zone)
    return Trends(list(days.values()))


def _calls(days: Mapping[date, DayGone], zone: str) -> None:
    rows = Call.objects.filter(started_at__gte=day_start(min(days), zone), trial=False)
    counted = rows.annotate(day=TruncDate("started_at", tzinfo=ZoneInfo(zone))).order_by().values("day")
    for row in counted.annotate(
        calls=Count("pk"),
        answered=Count("pk", filter=Q(answered_at__isnull=False)),
        through=Count("pk", filter=Q(ended_reason=EndedReason.TRANSFERRED)),
    ):
        _note(days, row)


def _chats(days: Mapping[date, DayGone], zone: str) -> None:
    rows = Conversation.objects.filter(created_at__gte=day_start(min(days), zone))
    counted = rows.annotate(day=TruncDate("created_at", tzinfo=ZoneInfo(zone))).order_by().values("day")
    for row in counted.annotate(
        chats=Count("pk"),
        with_ai=Count("pk", filter=Q(agent_id__isnull=False)),
        handed=Count("pk", filter=Q(agent_id__isnull=False) & ~Q(handoff_reason="")),
    ):
        _note(days, row)


def _note(days: Mapping[date, DayGone], row: Mapping[str, Any]) -> None:
    """A row that a clock ahead of this one made for tomorrow is left out."""
    found = days.get(row["day"])
    for name in row.keys() - {"day"} if found else ():
        setattr(found, name, row[name])


def _measured(days: list[DayGone], zone: str) -> None:
    since = [day_start(one.day, zone) for one in days]
    until = [day_start(one.day + timedelta(days=1), zone) for one in days]
    with connection.cursor() as cursor:
        cursor.execute(MEASURED, [since, until, NEWEST])
        for number, p50, p95, mood in cursor.fetchall():
            day = days[number - 1]
            day.p50, day.p95, day.mood = p50, p95, mood
