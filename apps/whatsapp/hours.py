"""Business hours of a number, and who answers it at a given moment."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.core.errors import PermanentError
from apps.whatsapp.models import AgentPhoneMapping

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OUT = AgentPhoneMapping.OutOfHours
Hours = dict[str, list[list[str]]]


@dataclass(frozen=True)
class Holder:
    """Who takes a new conversation: an agent, or else the team. `closed` is what the contact is told first."""

    agent_id: UUID | None
    team: str
    closed: str = ""


def holder_at(mapping: AgentPhoneMapping, moment: datetime, default_zone: str) -> Holder:
    """Who answers a number at a moment (aware)."""
    always = Holder(mapping.agent_id, mapping.team)
    if mapping.out_of_hours == OUT.SAME or hours_open(mapping.business_hours, moment, mapping.timezone or default_zone):
        return always
    if mapping.out_of_hours == OUT.AGENT:
        return Holder(mapping.out_of_hours_agent_id or mapping.agent_id, mapping.team)
    return Holder(None, mapping.team, mapping.out_of_hours_text)


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
    return time.max if text == "24:00" else time.fromisoformat(text)


def _within(clock: time, start: time, end: time) -> bool:
    return start <= clock < end if start < end else clock >= start


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
