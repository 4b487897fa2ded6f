"""What a turn knows for the variables of a prompt."""

from django.core.exceptions import ObjectDoesNotExist

from apps.desktop.errors import DeskError
from apps.desktop.selectors import conversation_get
from apps.herald.conversation import CHANNELS
from apps.herald.payloads import TurnRequest


def turn_variables(turn: TurnRequest) -> dict[str, str]:
    """caller_name, caller_number, channel and language; on trial there is no conversation, and so no number."""
    return {
        "caller_name": turn.contact.name,
        "caller_number": _number(turn),
        "channel": CHANNELS.get(turn.channel, turn.channel),
        "language": turn.contact.language,
    }


def _number(turn: TurnRequest) -> str:
    try:
        return conversation_get(turn.conversation_id).contact.phone
    except (DeskError, ObjectDoesNotExist):
        return ""
