"""What is left of an ended call's room."""

from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from apps.calls import livekit
from apps.calls.models import Call, Dispatch
from apps.calls.services.calls import room_gone
from apps.calls.services.media_bots import media_bots_asked
from apps.calls.services.sweep_media_bot import speaker_sweep

LEFTOVER = timedelta(seconds=5)  # the outbox deletes it sooner, when it can
SPEAKER_WAIT = timedelta(seconds=18)  # for somebody to come and speak, whoever is asked
SPEAKING = timedelta(seconds=45)


def ended_room_sweep(call: Call, room: livekit.Room | None) -> None:
    """Deletes the room, after the announcement where there is one to say. Raises LiveKitUnreachable."""
    if room is None:
        return room_gone(call)
    speakers = media_bots_asked(call, speaks=True)
    is_over = timezone.now() > (call.ended_at or call.started_at) + _patience(speakers)
    if is_over or (speakers and not speaker_sweep(call)):
        with suppress(livekit.RoomGone):
            livekit.client().room_delete(call.room_name)
        room_gone(call)
    return None


def _patience(speakers: list[Dispatch]) -> timedelta:
    if not speakers:
        return LEFTOVER
    return SPEAKING if speakers[0].state == Dispatch.State.JOINED else SPEAKER_WAIT
