"""What is left of an ended call's room."""

from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from apps.calls import livekit
from apps.calls.models import Call, Dispatch
from apps.calls.services.calls import room_gone
from apps.calls.services.dispatches import dispatches_send

LEFTOVER = timedelta(seconds=5)  # the outbox deletes it sooner, when it can
SPEAKER_WAIT = timedelta(seconds=10)
SPEAKING = timedelta(seconds=45)


def ended_room_sweep(call: Call, room: livekit.Room | None) -> None:
    """Deletes the room, after the announcement where there is one to say. Raises LiveKitUnreachable."""
    if room is None:
        return room_gone(call)
    announcement = call.dispatches.filter(announcement__isnull=False).first()
    if announcement is not None and not announcement.dispatch_id:
        with suppress(livekit.RoomGone):
            dispatches_send(call)
    if timezone.now() > (call.ended_at or call.started_at) + _patience(announcement):
        with suppress(livekit.RoomGone):
            livekit.client().room_delete(call.room_name)
        room_gone(call)
    return None


def _patience(announcement: Dispatch | None) -> timedelta:
    if announcement is None:
        return LEFTOVER
    return SPEAKING if announcement.state == Dispatch.State.JOINED else SPEAKER_WAIT
