"""What a turn knows for the variables of a prompt."""

from apps.desktop.selectors.outgoing import conversation_find
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
    conversation = conversation_find(turn.conversation_id)
    return conversation.contact.phone if conversation else ""
