"""Reads of the calls pages: the filtered list, today's numbers, and a call as a conversation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.calls.models import LIVE, Call, CallEvent, EventType, State
from apps.calls.selectors_transcript import transcript_of

TRIAL = "trial"  # a choice of the channel filter: calls in which somebody tried a draft
SORT_FIELDS = {"started": "started_at", "agent": "agent_name", "duration": "lasted"}
AT_ONCE = timedelta(seconds=8)


def calls_listed(filters: Mapping[str, Any], zone: str) -> QuerySet[Call]:
    """Calls that match, sorted. `filters` are CallFilterForm.values; days are days of the time zone `zone`."""
    found = Call.objects.annotate(lasted=_lasted()).filter(_matches(filters, zone))
    sort = str(filters.get("sort", "-started"))
    order = F(SORT_FIELDS[sort.lstrip("-")])
    return found.order_by(order.desc() if sort.startswith("-") else order.asc(), "-id")


def call_listed(call_id: UUID) -> Call | None:
    """One call as the list shows it, or None."""
    return Call.objects.annotate(lasted=_lasted()).filter(pk=call_id).first()


def _lasted() -> ExpressionWrapper:
    began = Coalesce("joined_at", "started_at")
    return ExpressionWrapper(Coalesce("ended_at", Now()) - began, output_field=DurationField())


def _matches(filters: Mapping[str, Any], zone: str) -> Q:
    matches = Q()
    if "state" in filters:
        matches &= LIVE if filters["state"] == "live" else Q(state=filters["state"])
    if filters.get("channel") == TRIAL:
        matches &= Q(trial=True)
    else:
        matches &= Q(trial=False, **({"channel": filters["channel"]} if "channel" in filters else {}))
    if "agent" in filters:
        matches &= Q(agent_slug=filters["agent"])
    if "since" in filters:
        matches &= Q(started_at__gte=day_start(filters["since"], zone))
    if "until" in filters:
        matches &= Q(started_at__lt=day_start(filters["until"] + timedelta(days=1), zone))
    return matches & _names(filters.get("q", ""))


def _names(text: str) -> Q:
    """Numbers match by their digits, so that a number can be searched as it is written anywhere."""
    digits = "".join(sign for sign in text if sign.isdigit())
    if digits and not any(sign.isalpha() for sign in text):
        return Q(from_number__contains=digits) | Q(to_number__contains=digits)
    return Q(caller_name__icontains=text) | Q(caller_identity__icontains=text) if text else Q()


def day_start(day: Any, zone: str) -> datetime:
    """Midnight of a date in a time zone."""
    return datetime.combine(day, time.min, ZoneInfo(zone))


@dataclass(frozen=True)
class Today:
    """Numbers of the day so far, in the tenant's time zone."""

    total: int
    live: int
    answered: int
    lost: int
    average_seconds: float | None


def calls_today(zone: str) -> Today:
    """Today's calls so far."""
    started = day_start(timezone.now().astimezone(ZoneInfo(zone)).date(), zone)
    lost = Q(state__in=(State.FAILED, State.MISSED))
    numbers = Call.objects.filter(started_at__gte=started, trial=False).aggregate(
        total=Count("pk"),
        answered=Count("pk", filter=Q(answered_at__isnull=False)),
        lost=Count("pk", filter=lost),
        average=Avg(_lasted(), filter=Q(ended_at__isnull=False, answered_at__isnull=False)),
    )
    average = numbers["average"].total_seconds() if numbers["average"] else None
    live = Call.objects.filter(LIVE, trial=False).count()
    return Today(numbers["total"], live, numbers["answered"], numbers["lost"], average)


def calls_recent(limit: int = 5) -> QuerySet[Call]:
    """The newest calls."""
    return Call.objects.filter(trial=False).annotate(lasted=_lasted()).order_by("-started_at", "-id")[:limit]


@dataclass
class Turn:
    """Something that one side said, with what was measured about it."""

    speaker: str
    text: str
    at: datetime
    told_at: datetime
    interrupted: bool = False
    score: float | None = None
    label: str = ""
    latency: dict[str, Any] = field(default_factory=dict)
    offset: float | None = None
    play_at: float | None = None  # seconds into the recording, where there is one


def call_turns(call: Call, events: Sequence[CallEvent], *, began: datetime | None = None) -> list[Turn]:
    """The conversation: what was said, in order, with what was measured about it; `offset` in seconds since the call `began`."""
    turns = [_turn(event) for event in transcript_of(call, events)]
    for turn in turns:
        turn.offset = (turn.at - began).total_seconds() if began else None
    return _measured(turns, events)


def _turn(event: CallEvent) -> Turn:
    data = event.data
    at = parse_datetime(data.get("started_at") or "") or event.at
    return Turn(data.get("speaker", ""), data["text"], at, event.at, bool(data.get("interrupted")))


def _measured(turns: list[Turn], events: Iterable[CallEvent]) -> list[Turn]:
    moods = [event for event in events if event.type == EventType.SENTIMENT]
    delays = [event for event in events if event.type == EventType.LATENCY]
    for event in moods:
        turn = _nearest(turns, "caller", event.at)
        if turn:
            turn.score, turn.label = event.data.get("score"), event.data.get("label", "")
    for event in delays:
        turn = _answered(turns, event.at)
        if turn:
            turn.latency = event.data
    return turns


def _answered(turns: list[Turn], at: datetime) -> Turn | None:
    """The answer that was told last before its latency: both are measured when it is over, however long it was."""
    return next((turn for turn in reversed(turns) if turn.speaker == "agent" and turn.told_at <= at), None)


def _nearest(turns: list[Turn], speaker: str, at: datetime) -> Turn | None:
    """The turn of that side nearest in time; None when none is near enough to be meant."""
    own = [turn for turn in turns if turn.speaker == speaker]
    found = min(own, key=lambda turn: abs(turn.at - at), default=None)
    return found if found and abs(found.at - at) <= AT_ONCE else None
