"""What Atlas and Media Bot tell about a call while it runs, and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.calls.models import Call, CallEvent, Dispatch, EndedReason, EventType, State
from apps.calls.payloads import Event, StateEvent
from apps.calls.services.calls import call_change, call_end, room_delete_enqueue
from apps.calls.services.dispatches import ATLAS, MEDIA_BOT, dispatch_failed
from apps.calls.services.through import through_asked, through_said

ANSWERING = ("listening", "thinking", "speaking")
OWN_WISHES = (EndedReason.AGENT_HANGUP, EndedReason.MAX_DURATION)
ENDINGS = (EndedReason.AGENT_HANGUP, EndedReason.MAX_DURATION, EndedReason.CALLER_HANGUP, EndedReason.ERROR)


@dataclass(frozen=True)
class Stored:
    """How many of a batch were new."""

    accepted: int
    duplicates: int


@transaction.atomic
def events_store(*, call: Call, events: Sequence[Event]) -> Stored:
    """Keeps a batch, idempotent on (source, seq), and moves the call along: answered, alive, closed."""
    fresh = _fresh(call, events)
    kept = [_row(call, event) for event in fresh if event.type != EventType.HEARTBEAT]  # type: ignore[attr-defined]
    CallEvent.objects.bulk_create(kept, ignore_conflicts=True)
    _call_advance(call, fresh)
    if call.ended_at is not None and any(event.type == EventType.USAGE and event.system == MEDIA_BOT for event in fresh):  # type: ignore[attr-defined]
        Call.objects.filter(pk=call.pk, billed_at__isnull=False).update(billed_at=None)  # the sweeper compares it with the bill
    for event in fresh:
        if isinstance(event, StateEvent) and event.state == "closed":
            _closed(call, event)
    return Stored(accepted=len(fresh), duplicates=len(events) - len(fresh))


def _fresh(call: Call, events: Sequence[Event]) -> list[Event]:
    sources = {event.source for event in events}
    numbers = [event.seq for event in events]
    if not numbers:
        return []
    known = set(
        CallEvent.objects.filter(call=call, source__in=sources, seq__gte=min(numbers), seq__lte=max(numbers)).values_list(
            "source", "seq"
        )
    )
    unique: dict[tuple[str, int], Event] = {}
    for event in events:
        unique.setdefault((event.source, event.seq), event)
    return [event for key, event in unique.items() if key not in known]


def _row(call: Call, event: Event) -> CallEvent:
    kind = event.type  # type: ignore[attr-defined]
    return CallEvent(call=call, source=event.source, seq=event.seq, type=kind, at=event.at, data=event.data)


def _call_advance(call: Call, events: list[Event]) -> None:
    """Heartbeats alone change nothing that a page shows, so they cost one UPDATE and no hint."""
    if any(_from_atlas(event) for event in events):
        Call.objects.filter(pk=call.pk).update(agent_seen_at=timezone.now())
    _first_words(call, events)
    _signs_of_life(call, events)
    answered = _answered_at(call, events)
    if answered is not None:
        ringing = Call.objects.filter(pk=call.pk, state=State.RINGING)
        ringing.update(state=State.IN_PROGRESS, answered_at=answered)
    if any(event.type != EventType.HEARTBEAT for event in events):  # type: ignore[attr-defined]
        call_change(call.pk)


def _first_words(call: Call, events: list[Event]) -> None:
    """Notes of each Atlas that it can be heard, once; the sweeper replaces one that is there and stays mute."""
    spoke = {e.attempt: e.at for e in reversed(events) if _from_atlas(e) and isinstance(e, StateEvent) and e.state == "speaking"}
    for attempt, at in spoke.items():
        call.dispatches.filter(agent_name=ATLAS, attempt=attempt, spoke_at=None).update(spoke_at=at)


def _signs_of_life(call: Call, events: list[Event]) -> None:
    """Notes when each Media Bot was heard of, from its first heartbeat on: one that sends none is not waited for."""
    told = {e.attempt: False for e in events if e.system == MEDIA_BOT}
    told |= {e.attempt: True for e in events if e.system == MEDIA_BOT and e.type == EventType.HEARTBEAT}  # type: ignore[attr-defined]
    for attempt, beats in told.items():
        watched = call.dispatches.filter(agent_name=MEDIA_BOT, attempt=attempt)
        (watched if beats else watched.filter(seen_at__isnull=False)).update(seen_at=timezone.now())


def _answered_at(call: Call, events: list[Event]) -> datetime | None:
    if call.state != State.RINGING:
        return None
    first = [e.at for e in events if _from_atlas(e) and isinstance(e, StateEvent) and e.state in ANSWERING]
    return max(min(first), call.started_at) if first else None


def _from_atlas(event: Event) -> bool:
    return event.system == ATLAS


def _closed(call: Call, event: StateEvent) -> None:
    """Atlas ends the call by its own wish; Media Bot has said its announcement."""
    if not _from_atlas(event):
        return _announced(call, event)
    dispatch = call.dispatches.filter(agent_name=ATLAS, attempt=event.attempt).first()
    if dispatch is not None and dispatch.state == Dispatch.State.FAILED and not _still_holds(call, event):
        return None
    if event.detail == EndedReason.ERROR and call.state == State.RINGING and dispatch is not None:
        dispatch_failed(dispatch)  # it never spoke, so the sweeper asks once more
    elif event.detail in ENDINGS:
        call_end(call_id=call.pk, reason=event.detail, at=min(event.at, timezone.now()))
    return None


def _still_holds(call: Call, event: StateEvent) -> bool:
    """A run that is given up may have said good-bye before its successor came; all else is the successor's to say."""
    if event.detail not in OWN_WISHES:
        return False
    later = call.dispatches.filter(agent_name=ATLAS, attempt__gt=event.attempt)
    return not later.filter(joined_at__lte=event.at).exists()


def _announced(call: Call, event: StateEvent) -> None:
    """One that was given up tells the same as it goes, while its successor speaks."""
    dispatch = call.dispatches.filter(agent_name=MEDIA_BOT, attempt=event.attempt).first()
    if dispatch is not None and dispatch.state == Dispatch.State.FAILED:
        return
    if through_asked(call) is not None:
        through_said(call)
    if not call.is_live and call.dispatches.filter(announcement__isnull=False).exists():
        room_delete_enqueue(call)
