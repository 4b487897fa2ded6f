"""What a channel has reported of a message so far, for whoever charges for it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core.prepared import prepared
from apps.desktop.models import Message

REPORTED = """
SELECT message.at, message.author, message.user_id, conversation.id, conversation.agent_id, conversation.channel, contact.phone,
  (SELECT jsonb_object_agg(report.status, report.pricing) FROM desktop_messagestatus report WHERE report.message_id = message.id)
FROM desktop_message message
JOIN desktop_conversation conversation ON conversation.id = message.conversation_id
JOIN desktop_contact contact ON contact.id = conversation.contact_id
WHERE message.external_id = %s FOR NO KEY UPDATE OF message
"""


@dataclass(frozen=True)
class Reported:
    """A message and its reports: the channel's pricing fields by status, None where a status came without. `phone` is E.164."""

    at: datetime
    author: str
    user_id: UUID | None
    conversation_id: UUID
    agent_id: UUID | None
    channel: str
    phone: str
    pricing: dict[str, dict[str, Any] | None]

    @property
    def is_ai(self) -> bool:
        return self.author == Message.Author.AI

    @property
    def is_echo(self) -> bool:
        """The company sent it outside of Meridian."""
        return self.author == Message.Author.PERSON and self.user_id is None


def message_reports_lock(external_id: str) -> Reported | None:
    """The reports of the message that a channel calls so, in one statement; it is locked, so that they are counted one by one."""
    with prepared(REPORTED, [external_id]) as cursor:
        row = cursor.fetchone()
    if row is None:
        return None
    at, author, user_id, conversation_id, agent_id, channel, phone, pricing = row
    told = json.loads(pricing) if isinstance(pricing, str) else pricing or {}
    return Reported(at, author, user_id, conversation_id, agent_id, channel, phone, told)
