"""What channels read: messages to send, whom to, and what nobody has answered yet."""

from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, prefetch_related_objects

from apps.core.moments import utc_text
from apps.core.prepared import prepared
from apps.core.rows import row_columns, row_made, row_read, rows_made
from apps.desktop.models import Attachment, Contact, Conversation, Message
from apps.desktop.selectors.histories import ROLES

NEXT = (
    "SELECT id FROM desktop_message WHERE conversation_id = %s AND status = 'pending' AND NOT private AND author <> 'contact'"
    " ORDER BY created_at, id LIMIT 1"
)
LAST_RECEIVED = "WHERE conversation_id = %s AND author = 'contact' ORDER BY at DESC, id DESC LIMIT 1"
# A message in words, as `histories.spoken` has it.
HISTORY = """SELECT author, COALESCE(NULLIF(text, ''), (
  SELECT string_agg(transcript, ' ' ORDER BY id) FROM desktop_attachment WHERE message_id = said.id AND transcript <> ''
), '[' || kind || ']'), at FROM desktop_message AS said
WHERE conversation_id = %s AND NOT private AND kind <> 'reaction' AND status <> 'failed' AND id <> ALL(%s::uuid[])
ORDER BY at DESC, id DESC LIMIT %s"""


def message_get(message_id: UUID | str) -> Message | None:
    """A message with its conversation and contact, or None. That it has no files is known without asking again."""
    return message_and_next(message_id)[0]


def message_contact(external_id: str) -> Contact | None:
    """With whom the message is that a channel calls so."""
    return Contact.objects.filter(conversations__messages__external_id=external_id).first()


def message_and_next(message_id: UUID | str) -> tuple[Message | None, UUID | None]:
    """As message_get, with the id of its conversation's oldest message that has still to be sent."""
    with prepared(_message_sql(), [message_id]) as cursor:
        values = cursor.fetchone()
    if values is None:
        return None, None
    *values, following = values
    message, conversation, contact = rows_made(values, Message, Conversation, Contact)
    message.conversation, conversation.contact = conversation, contact
    if not values[-1]:
        files_none(message)
    return message, following


@cache
def _message_sql() -> str:
    columns = [row_columns(Message, "said"), row_columns(Conversation, "talk"), row_columns(Contact, "person")]
    return (
        f"SELECT {', '.join(columns)}, EXISTS (SELECT FROM desktop_attachment WHERE message_id = said.id),"  # noqa: S608
        f" ({NEXT.replace('%s', 'said.conversation_id')}) FROM desktop_message AS said"
        " JOIN desktop_conversation AS talk ON talk.id = said.conversation_id"
        " JOIN desktop_contact AS person ON person.id = talk.contact_id WHERE said.id = %s"
    )


def files_none(message: Message) -> None:
    """The message has no files, as prefetch_related would find."""
    vars(message).setdefault("_prefetched_objects_cache", {})["attachments"] = Attachment.objects.none()


def message_next_pending(conversation_id: UUID) -> UUID | None:
    """The id of a conversation's oldest message that has still to be sent."""
    with prepared(NEXT, [conversation_id]) as cursor:
        row = cursor.fetchone()
    return row[0] if row else None


def message_last_received(conversation: Conversation) -> Message | None:
    """The contact's latest message."""
    return row_read(Message, LAST_RECEIVED, [conversation.pk])


def messages_by_id(ids: list[str]) -> list[Message]:
    """These messages with their files, in the order they were written."""
    with prepared(_messages_sql(), [ids]) as cursor:
        rows = cursor.fetchall()
    messages = [row_made(Message, row[:-1]) for row in rows]
    for message, row in zip(messages, rows, strict=True):
        if not row[-1]:
            files_none(message)
    prefetch_related_objects([message for message, row in zip(messages, rows, strict=True) if row[-1]], "attachments")
    return messages


@cache
def _messages_sql() -> str:
    return (
        f"SELECT {row_columns(Message, 'said')}, EXISTS (SELECT FROM desktop_attachment WHERE message_id = said.id)"  # noqa: S608
        " FROM desktop_message AS said WHERE said.id = ANY(%s::uuid[]) ORDER BY said.at, said.id"
    )


def messages_unanswered(conversation: Conversation) -> QuerySet[Message]:
    """The contact's messages since anybody but Meridian itself last wrote to them, oldest first."""
    said = conversation.messages.filter(private=False).exclude(kind=Message.REACTION)
    answer = said.filter(author__in=("ai", "person")).exclude(status="failed").order_by("-at", "-pk").first()
    asked = said.filter(author=Message.Author.CONTACT).order_by("at", "pk")
    return asked.filter(at__gte=answer.at) if answer else asked


def identities_of(contact: Contact) -> dict[str, str]:
    """How channels know a contact, kind to value; of several of a kind the newest."""
    with prepared("SELECT kind, value FROM desktop_contactidentity WHERE contact_id = %s ORDER BY id", [contact.pk]) as cursor:
        return dict(cursor.fetchall())


def attachment_get(attachment_id: UUID | str) -> Attachment | None:
    """A file with its message and conversation, or None."""
    rows = Attachment.objects.select_related("message__conversation__contact")
    return rows.filter(pk=attachment_id).first()


def conversation_find(conversation_id: UUID | str) -> Conversation | None:
    """A conversation with its contact, or None."""
    with prepared(_conversation_sql(), [conversation_id]) as cursor:
        values = cursor.fetchone()
    if values is None:
        return None
    conversation, contact = rows_made(values, Conversation, Contact)
    conversation.contact = contact
    return conversation


@cache
def _conversation_sql() -> str:
    return (
        f"SELECT {row_columns(Conversation, 'talk')}, {row_columns(Contact, 'person')} FROM desktop_conversation AS talk"  # noqa: S608
        " JOIN desktop_contact AS person ON person.id = talk.contact_id WHERE talk.id = %s"
    )


def history_without(conversation: Conversation, ids: list[str], limit: int = 30) -> list[dict[str, Any]]:
    """As history_of, without the messages that a turn carries itself."""
    with prepared(HISTORY, [conversation.pk, ids, limit]) as cursor:
        rows = reversed(cursor.fetchall())
    return [{"role": ROLES.get(Message.Author(author), "person"), "text": text, "at": utc_text(at)} for author, text, at in rows]
