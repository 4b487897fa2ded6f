"""What the outbox does at LiveKit for the Call Service."""

from contextlib import suppress
from datetime import datetime

from apps.calls import livekit
from apps.calls.models import Call
from apps.calls.services.calls import room_gone
from apps.calls.services.strangers import CLOSE, stranger_close
from apps.calls.services.through import KIND, through_do
from apps.core.errors import Ignored
from apps.core.models import OutboundEffect
from apps.core.outbox import sender


@sender(KIND)
def put_through(effect: OutboundEffect) -> str:
    """Puts a call through after the sentence that says so. Raises Ignored when it is over, or was."""
    call = Call.objects.filter(pk=effect.payload["call"]).first()
    if call is None or not through_do(call):
        raise Ignored("The call is over.")
    return str(call.pk)


@sender("calls.room_delete")
def room_delete(effect: OutboundEffect) -> str:
    """Deletes an ended call's room; whoever is still in it is disconnected. A room that is gone is as good."""
    name = str(effect.payload["room"])
    with suppress(livekit.RoomGone):
        livekit.client().room_delete(name)
    for call in Call.objects.filter(room_name=name):
        room_gone(call)
    return name


@sender(CLOSE)
def stranger_room_close(effect: OutboundEffect) -> str:
    """Lets go of a caller who was told that nobody takes the call here."""
    room_name = str(effect.payload["room"])
    stranger_close(room_name=room_name, until=datetime.fromisoformat(effect.payload["until"]))
    return room_name
