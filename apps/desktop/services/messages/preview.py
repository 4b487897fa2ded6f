"""The line of a conversation that lists show."""

from apps.desktop.models import Conversation, Message

PREVIEW_LENGTH = 200


def preview_set(conversation: Conversation, message: Message) -> None:
    """Shows the message in lists, unless a later one is shown already. Saves nothing.

    What Meridian says by itself tells nobody what the contact wants, so it is shown only where nothing else was said.
    """
    shown = conversation.last_message_at
    if shown is not None and (message.at < shown or message.author == Message.Author.SYSTEM):
        return
    conversation.last_message_at = message.at
    conversation.last_message_text = " ".join((message.text or f"[{message.kind}]").split())[:PREVIEW_LENGTH]


def preview_renew(conversation: Conversation) -> None:
    """Shows what is last now that a message has gone. Saves nothing."""
    conversation.last_message_at, conversation.last_message_text = None, ""
    said = conversation.messages.filter(private=False).exclude(kind=Message.REACTION).order_by("-at", "-pk")
    last = said.exclude(author=Message.Author.SYSTEM).first() or said.first()
    if last is not None:
        preview_set(conversation, last)
