"""What channels read: messages to send, whom to, and what nobody has answered yet."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.desktop.models import Attachment, Contact, Conversation, Message
from apps.desktop.selectors.histories import ROLES, spoken


def message_get(message_id: UUID | str) -> Message | None:
    """A message with its conversation, contact and the message it replies to, or None."""
    rows = Message.objects.select_related("conversation__contact", "conversation__team", "reply_to")
    return rows.filter(pk=message_id).first()


def message_next_pending(conversation_id: UUID) -> UUID | None:
    """The id of a conversation's oldest message that has still to be sent."""
    rows = Message.objects.filter(conversation_id=conversation_id, status=Message.Status.PENDING, private=False)
    return rows.exclude(author="contact").order_by("created_at", "pk").values_list("pk", flat=True).first()


def message_last_received(conversation: Conversation) -> Message | None:
    """The contact's latest message."""
    return conversation.messages.filter(author=Message.Author.CONTACT).order_by("-at", "-pk").first()


def messages_by_id(ids: list[str]) -> list[Message]:
    """These messages with their files, in the order they were written."""
    return list(Message.objects.filter(pk__in=ids).prefetch_related("attachments").order_by("at", "pk"))


def messages_unanswered(conversation: Conversation) -> QuerySet[Message]:
    """The contact's messages since anybody but Meridian itself last wrote to them, oldest first."""
    said = conversation.messages.filter(private=False).exclude(kind=Message.REACTION)
    answer = said.filter(author__in=("ai", "person")).exclude(status="failed").order_by("-at", "-pk").first()
    asked = said.filter(author=Message.Author.CONTACT).order_by("at", "pk")
    return asked.filter(at__gt=answer.at) if answer else asked


def identities_of(contact: Contact) -> dict[str, str]:
    """How channels know a contact, kind to value; of several of a kind the newest."""
    return dict(contact.identities.order_by("pk").values_list("kind", "value"))


def attachment_get(attachment_id: UUID | str) -> Attachment | None:
    """A file with its message and conversation, or None."""
    rows = Attachment.objects.select_related("message__conversation__contact")
    return rows.filter(pk=attachment_id).first()


def conversation_find(conversation_id: UUID | str) -> Conversation | None:
    """A conversation with contact and team, or None."""
    return Conversation.objects.select_related("contact", "team").filter(pk=conversation_id).first()


def history_without(conversation: Conversation, ids: list[str], limit: int = 30) -> list[dict[str, Any]]:
    """As history_of, without the messages that a turn carries itself."""
    said = conversation.messages.filter(private=False).exclude(kind=Message.REACTION).exclude(status=Message.Status.FAILED)
    rows = reversed(said.exclude(pk__in=ids).prefetch_related("attachments").order_by("-at", "-pk")[:limit])
    return [{"role": ROLES.get(Message.Author(row.author), "person"), "text": spoken(row), "at": utc(row.at)} for row in rows]


def utc(moment: datetime) -> str:
    """ISO 8601 with Z."""
    return moment.isoformat().replace("+00:00", "Z")
