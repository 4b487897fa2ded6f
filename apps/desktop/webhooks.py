"""What webhooks tell of conversations and messages."""

from typing import Any

from apps.core.moments import utc_text
from apps.desktop.models import Conversation, Message


def conversation_data(conversation: Conversation) -> dict[str, Any]:
    """The `data` of conversation.opened, .escalated, .resolved and .joined."""
    return {
        "conversation_id": str(conversation.pk),
        "contact_id": str(conversation.contact_id),
        "channel": conversation.channel,
        "line": conversation.line,
        "status": conversation.status,
        "agent_id": str(conversation.agent_id) if conversation.agent_id else None,
        "team": conversation.team.slug if conversation.team else None,
    }


def message_data(message: Message) -> dict[str, Any]:
    """The `data` of message.received and message.sent."""
    return {
        "message_id": str(message.pk),
        "conversation_id": str(message.conversation_id),
        "author": message.author,
        "kind": message.kind,
        "text": message.text,
        "at": utc_text(message.at),
    }
