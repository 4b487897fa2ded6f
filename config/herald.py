"""Herald and the WhatsApp Service in one installation: calls instead of requests, in the shapes of POST /turn and POST /reply."""

from apps.herald.replies import channel_register
from apps.herald.services import turn_hand_over
from apps.whatsapp.channel import WhatsAppChannel
from apps.whatsapp.services.dispatch import herald_register
from apps.whatsapp.services.replies import reply_here


def herald_meets_whatsapp() -> None:
    """Without these, turns would need HERALD_URL."""
    herald_register(turn_hand_over)
    channel_register(WhatsAppChannel.name, reply_here)
