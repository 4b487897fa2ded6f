"""The line of a conversation that lists show."""

from apps.desktop.models import Conversation, Message

PREVIEW_LENGTH = 200


def preview_set(conversation: Conversation, message: Message) -> None:
    """Shows the message in lists, unless a later one is shown already. Saves nothing."""
    if conversation.last_message_at is not None and message.at < conversation.last_message_at:
        return
    conversation.last_message_at = message.at
    conversation.last_message_text = " ".join((message.text or f"[{message.kind}]").split())[:PREVIEW_LENGTH]


def preview_renew(conversation: Conversation) -> None:
    """Shows what is last now that a message has gone. Saves nothing."""
    conversation.last_message_at, conversation.last_message_text = None, ""
    last = conversation.messages.filter(private=False).exclude(kind=Message.REACTION).order_by("-at", "-pk").first()
    if last is not None:
        preview_set(conversation, last)
