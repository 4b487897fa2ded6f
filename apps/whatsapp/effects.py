"""What the outbox does for the WhatsApp Service. Each function says how it ended; the last attempt settles what is still open."""

from apps.core.errors import Ignored, PermanentError, TransientError
from apps.core.mail import MAX_ATTEMPTS
from apps.core.models import OutboundEffect
from apps.core.outbox import sender
from apps.whatsapp import graph
from apps.whatsapp.channel import READ, SEND
from apps.whatsapp.selectors import mapping_for
from apps.whatsapp.services.delivery import message_deliver, message_give_up
from apps.whatsapp.services.dispatch import TurnRefused, turn_dispatch
from apps.whatsapp.services.media import media_fetch, media_give_up
from apps.whatsapp.services.turns import TURN, turn_fail
from apps.whatsapp.services.voices import MEDIA, TRANSCRIPT, voice_transcribe, voice_turn_wake


def is_last(effect: OutboundEffect) -> bool:
    """No attempt follows this one."""
    return effect.attempts >= MAX_ATTEMPTS


@sender(SEND)
def message_effect(effect: OutboundEffect) -> str:
    """Sends a message; returns its wamid."""
    message_id = str(effect.payload["message"])
    try:
        return message_deliver(message_id)
    except TransientError:
        if is_last(effect):
            message_give_up(message_id)
        raise


@sender(READ)
def read_effect(effect: OutboundEffect) -> str:
    """Marks a contact's message as read."""
    mapping = mapping_for(str(effect.payload["phone_number_id"]))
    if mapping is None:
        raise Ignored("This number is not mapped any more.")
    wamid = str(effect.payload["wamid"])
    try:
        graph.read_post(token=mapping.access_token, phone_number_id=mapping.phone_number_id, wamid=wamid, typing=False)
    except graph.Uncertain as error:
        raise TransientError(str(error)) from error  # marking twice does no harm
    return wamid


@sender(TURN)
def turn_effect(effect: OutboundEffect) -> str:
    """Hands a turn to Herald."""
    turn_id = str(effect.payload["turn"])
    try:
        return turn_dispatch(turn_id)
    except TurnRefused as error:
        turn_fail(turn_id, str(error))
        raise


@sender(MEDIA)
def media_effect(effect: OutboundEffect) -> str:
    """Fetches a file from Meta."""
    attachment_id = str(effect.payload["attachment"])
    try:
        return media_fetch(attachment_id)
    except (graph.Uncertain, TransientError) as error:
        if is_last(effect):
            media_give_up(attachment_id, "The file could not be fetched from WhatsApp. Ask the contact to send it again.")
        raise TransientError(str(error)) from error
    except PermanentError as error:
        media_give_up(attachment_id, str(error))
        raise
    finally:
        voice_turn_wake(attachment_id)


@sender(TRANSCRIPT)
def transcript_effect(effect: OutboundEffect) -> str:
    """Transcribes a voice note."""
    attachment_id = str(effect.payload["attachment"])
    try:
        voice_transcribe(attachment_id)
    finally:
        voice_turn_wake(attachment_id)
    return attachment_id
