"""A running call as recorded against its room."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.utils import timezone

from apps.calls import livekit
from apps.calls.models import Call, Dispatch, EndedReason, State
from apps.calls.services.agents_in_room import agent_arrived, atlas_replace, newcomer, was_taken
from apps.calls.services.arrivals import call_answer, caller_arrived
from apps.calls.services.calls import call_end, call_left, room_gone
from apps.calls.services.calm import silence_means_dead
from apps.calls.services.dispatches import ATLAS, JobUnlisted
from apps.calls.services.starts import EMPTY_SECONDS
from apps.calls.services.sweep_media_bot import listener_sweep, speaker_sweep
from apps.calls.services.through import through_asked, through_said, through_sweep

SETTLE = timedelta(seconds=5)  # a call is recorded before its room is made, and rooms are listed before calls are read
NEVER_JOINED = timedelta(seconds=EMPTY_SECONDS + 15)
AWAY = timedelta(seconds=6)  # within which a lost browser may be back
JOIN_WAIT = timedelta(seconds=4)  # for a worker to say yes
BUSY = timedelta(seconds=4)  # an agent that is on its way on a busy machine, or its cold voice, is worth waiting for
AGENT_STATE = "lk.agent.state"  # an attribute that livekit-agents sets
SILENT_AND_GONE = timedelta(seconds=2.5)
SILENT_BUT_THERE = timedelta(seconds=3.5)
OVERTIME = timedelta(seconds=15)  # for Atlas to say good-bye by itself


def live_sweep(call: Call, room: livekit.Room | None, seen_at: datetime) -> None:
    """Brings one live call and its room together. Raises Ignored, LiveKitUnreachable."""
    if room is None:
        return _roomless(call, seen_at)
    if call.joined_at is None:
        return _not_joined(call, room)
    is_through = through_sweep(call)
    if timezone.now() > call.joined_at + timedelta(seconds=call.max_seconds) + OVERTIME:
        call_end(call_id=call.pk, reason=EndedReason.MAX_DURATION)
        return None
    if (room.participants == 0 or call.left_at is not None) and not _caller_is_there(call):
        return None
    if call.state == State.TRANSFERRING and not is_through:
        _sentence_sweep(call)
    _atlas_sweep(call)
    return listener_sweep(call)


def _roomless(call: Call, seen_at: datetime) -> None:
    if call.started_at < seen_at - SETTLE and call_end(call_id=call.pk, reason=EndedReason.CALLER_HANGUP):
        room_gone(call)


def _not_joined(call: Call, room: livekit.Room) -> None:
    if room.participants:
        for person in livekit.client().participants_list(call.room_name):
            if person.identity == call.caller_identity:
                caller_arrived(room_name=call.room_name, caller=person, at=_joined_at(person))
    elif call.started_at < timezone.now() - NEVER_JOINED:
        call_end(call_id=call.pk, reason=EndedReason.CALLER_HANGUP)


def _caller_is_there(call: Call) -> bool:
    """Looks for the caller; ends the call when they have been away too long."""
    people = livekit.client().participants_list(call.room_name)
    if any(person.identity == call.caller_identity for person in people):
        Call.objects.filter(pk=call.pk).update(left_at=None)
        return True
    if call.left_at is None:
        call_left(call=call, at=timezone.now())
    elif call.left_at < timezone.now() - AWAY:
        call_end(call_id=call.pk, reason=EndedReason.CALLER_HANGUP, at=call.left_at)
    return False


def _sentence_sweep(call: Call) -> None:
    """What is said before a caller is put through; where nobody comes to say it, they are put through without."""
    if through_asked(call) is not None and not speaker_sweep(call):
        through_said(call)


def _atlas_sweep(call: Call) -> None:
    _answer_if_unasked(call)
    newest = call.dispatches.filter(agent_name=ATLAS).order_by("-attempt").first()
    if newest is None:
        return
    if newest.state == Dispatch.State.FAILED:
        atlas_replace(call=call, lost=newest)
    elif newest.state == Dispatch.State.JOINED:
        _silence_sweep(call, newest)
    elif newest.requested_at < timezone.now() - min(JOIN_WAIT, _first_word(call)):
        _absence_sweep(call, newest)


def _answer_if_unasked(call: Call) -> None:
    """Dispatches whom a handler that died did not."""
    if not call.dispatches.exists() or call.dispatches.filter(state=Dispatch.State.REQUESTED, dispatch_id="").exists():
        call_answer(call)


def _absence_sweep(call: Call, dispatch: Dispatch) -> None:
    """Not joined in time, or joined and nobody told."""
    atlas = newcomer(call, ATLAS)
    if atlas is not None:
        with suppress(JobUnlisted):
            return agent_arrived(call=call, agent=atlas, at=timezone.now())
    if dispatch.requested_at < timezone.now() - _first_word(call) - BUSY or not was_taken(call, dispatch):
        atlas_replace(call=call, lost=dispatch)
    return None


def _silence_sweep(call: Call, dispatch: Dispatch) -> None:
    if _is_mute(call, dispatch) and not _speaks(call, dispatch) and silence_means_dead():
        return atlas_replace(call=call, lost=dispatch)
    since = max(moment for moment in (call.agent_seen_at, dispatch.joined_at, call.started_at) if moment is not None)
    silent = timezone.now() - since
    if silent <= SILENT_AND_GONE:
        return None
    there = any(person.identity == dispatch.identity for person in livekit.client().participants_list(call.room_name))
    if not there or (silent > SILENT_BUT_THERE and silence_means_dead()):
        atlas_replace(call=call, lost=dispatch)
    return None


def _is_mute(call: Call, dispatch: Dispatch) -> bool:
    """In the room and alive, and yet nothing was heard of it in the time that its agent's limits give."""
    return dispatch.spoke_at is None and (dispatch.joined_at or dispatch.requested_at) < timezone.now() - _first_word(call) - BUSY


def _speaks(call: Call, dispatch: Dispatch) -> bool:
    """Whether it speaks now: the room knows sooner than the events do."""
    people = livekit.client().participants_list(call.room_name)
    return any(person.identity == dispatch.identity and person.attributes.get(AGENT_STATE) == "speaking" for person in people)


def _first_word(call: Call) -> timedelta:
    return timedelta(seconds=call.first_word_seconds)


def _joined_at(person: livekit.Participant) -> datetime:
    now = timezone.now()
    return now - timedelta(seconds=max(0.0, now.timestamp() - person.joined_at)) if person.joined_at else now
