"""What every message that a channel brings needs, whoever wrote it: its files, and which message it answers."""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Json

from apps.core.prepared import prepared
from apps.desktop.models import Attachment, Conversation, Message

LINK = """WITH linked AS (
  UPDATE desktop_message SET reply_to_id = %(id)s
  WHERE conversation_id = %(conversation)s AND at >= %(at)s AND reply_to_id IS NULL AND payload -> 'reply_to' = %(wamid)s::jsonb)
SELECT EXISTS (
  SELECT FROM desktop_message AS said JOIN desktop_conversation AS talk ON talk.id = said.conversation_id
  WHERE talk.contact_id = %(contact)s AND talk.channel = %(channel)s AND talk.line = %(line)s
  AND said.author = 'person' AND said.user_id IS NULL AND NOT said.private AND said.at > %(at)s)"""


def replied(conversation: Conversation, external_id: str | None) -> Message | None:
    """The message of that external id, where it is known already."""
    return conversation.messages.filter(external_id=external_id).first() if external_id else None


def replies_link(message: Message, conversation: Conversation) -> bool:
    """A reply may have come before the message that it replies to. Whether the company has said something elsewhere after it,
    in this conversation or another one with the contact on its line.
    """
    values = {
        "id": message.pk, "conversation": conversation.pk, "at": message.at, "wamid": Json(message.external_id),
        "contact": conversation.contact_id, "channel": conversation.channel, "line": conversation.line,
    }  # fmt: skip
    with prepared(LINK, values) as cursor:
        row = cursor.fetchone()
    return bool(row and row[0])


def files_expect(message: Message, attachments: Sequence[dict[str, Any]]) -> None:
    """Files that have still to be fetched: external_id, mime, name and size (bytes)."""
    for part in attachments:
        Attachment.objects.create(
            message=message,
            external_id=part["external_id"],
            mime=(part.get("mime") or "")[:127],
            name=(part.get("name") or "")[:255],
            size=part.get("size") or 0,
        )
