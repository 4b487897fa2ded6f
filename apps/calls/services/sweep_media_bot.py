"""Media Bots as they were asked against who is in the room. The call goes on without; the caller's room waits for a sentence."""

from contextlib import suppress
from datetime import timedelta

from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from apps.calls import livekit
from apps.calls.models import Call, CallEvent, Dispatch, EventType
from apps.calls.services.agents_in_room import agent_arrived, identities_in, newcomer, was_taken
from apps.calls.services.calm import silence_means_dead
from apps.calls.services.dispatches import MEDIA_BOT, JobUnlisted, dispatches_send
from apps.calls.services.media_bots import LISTENERS_AT_MOST, SPEAKERS_AT_MOST, media_bot_replace, media_bots_asked

LISTENER_WAIT = timedelta(seconds=6)  # doubles with each that nobody took
SPEAKER_WAIT = timedelta(seconds=5)  # the caller hears nothing meanwhile
STARTING = timedelta(seconds=15)  # for one that a worker took
UNTOLD = timedelta(seconds=8)  # for one that came, to tell so
SILENT = timedelta(seconds=16)  # three of its heartbeats
LOOK_SECONDS = 10  # between two looks for one that came: LiveKit tells of its leaving, and that may be lost


def listener_sweep(call: Call) -> None:
    """Asks again where nobody came to listen, or the one that did is gone or hangs. Raises LiveKitUnreachable."""
    asked = media_bots_asked(call, speaks=False)
    if not asked:
        return
    newest, enough = asked[0], len(asked) >= LISTENERS_AT_MOST
    if newest.state == Dispatch.State.JOINED:
        if _is_gone(call, newest) or (not enough and _hangs(call, newest) and silence_means_dead()):
            media_bot_replace(call=call, lost=newest)
    elif not enough and (
        newest.state == Dispatch.State.FAILED or _is_absent(call, newest, LISTENER_WAIT * 2 ** (len(asked) - 1))
    ):
        media_bot_replace(call=call, lost=newest)


def _is_gone(call: Call, listener: Dispatch) -> bool:
    people = identities_in(call) if _look_is_due(call) else set()
    return call.caller_identity in people and listener.identity not in people


def _hangs(call: Call, listener: Dispatch) -> bool:
    """In the room, and yet it has told nothing, or no longer tells anything."""
    now = timezone.now()
    if listener.seen_at is not None:
        return listener.seen_at < now - SILENT
    if (listener.joined_at or listener.requested_at) >= now - UNTOLD:
        return False
    source = MEDIA_BOT if listener.attempt == 1 else f"{MEDIA_BOT}.{listener.attempt}"
    return not call.events.filter(source=source).exists()


def speaker_sweep(call: Call) -> bool:
    """Has the announcement spoken; False when nobody will, or the caller is gone. Raises LiveKitUnreachable."""
    asked = media_bots_asked(call, speaks=True)
    newest = asked[0]
    if newest.state == Dispatch.State.REQUESTED and not newest.dispatch_id:
        with suppress(livekit.RoomGone):
            dispatches_send(call)
        return True
    people = identities_in(call)
    if call.caller_identity not in people:
        return False
    if _may_speak(call, newest, people):
        return True
    return len(asked) < SPEAKERS_AT_MOST and media_bot_replace(call=call, lost=newest)


def _may_speak(call: Call, speaker: Dispatch, people: set[str]) -> bool:
    if speaker.state == Dispatch.State.JOINED:
        return speaker.identity in people or _has_said(call, speaker)
    return speaker.state == Dispatch.State.REQUESTED and not _is_absent(call, speaker, SPEAKER_WAIT)


def _is_absent(call: Call, dispatch: Dispatch, wait: timedelta) -> bool:
    """Not here in time, and not about to be."""
    waited = timezone.now() - dispatch.requested_at
    if not dispatch.dispatch_id or waited <= wait:
        return False
    came = newcomer(call, MEDIA_BOT)
    if came is not None:
        with suppress(JobUnlisted):
            agent_arrived(call=call, agent=came, at=timezone.now())
            return False
    return waited > STARTING or not was_taken(call, dispatch)


def _has_said(call: Call, dispatch: Dispatch) -> bool:
    """It tells so before it leaves the room."""
    closed = CallEvent.objects.filter(call=call, type=EventType.STATE, data__state="closed")
    return any(event.system == MEDIA_BOT and event.attempt == dispatch.attempt for event in closed)


def _look_is_due(call: Call) -> bool:
    try:
        return cache.add(f"calls.looked.{call.pk}", True, LOOK_SECONDS)
    except RedisError:
        return True
