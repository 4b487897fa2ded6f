"""What happened, written beside the change it tells of; hints go out once it has committed.

Events commit in another order than their ids. Each keeps its transaction's id and the oldest transaction that was running
then, so `selectors.events_after` knows which earlier ids may have appeared since. A lock per tenant was as
fast (measured), but is held to the end of the outermost transaction and can deadlock with the rows of another conversation.
"""

from typing import Any
from uuid import UUID

from apps.core.realtime import hint_publish
from apps.core.schema import schema_current
from apps.desktop.models import Conversation, DeskEvent

TOPIC = "desk"


def conversation_topic(conversation_id: UUID | str) -> str:
    """The topic of whoever has a conversation open."""
    return f"{TOPIC}:{conversation_id}"


def user_topic(user_id: UUID | str) -> str:
    """The topic of notifications addressed to one person."""
    return f"{TOPIC}:user:{user_id}"


def conversation_changed(conversation: Conversation, type: str, *, user_id: UUID | None = None, **detail: Any) -> DeskEvent:
    """Saves a conversation that the caller has locked, as its next version, and tells everybody."""
    conversation.version += 1
    conversation.save()
    return event_write(conversation, type, user_id=user_id, **detail)


def event_write(conversation: Conversation, type: str, *, user_id: UUID | None = None, **detail: Any) -> DeskEvent:
    """Writes an event of the version that is saved already, and publishes its hints on commit."""
    event = DeskEvent.objects.create(
        conversation=conversation, type=type, version=conversation.version, user_id=user_id, detail=detail
    )
    for topic in (TOPIC, conversation_topic(conversation.pk)):
        hint_publish(schema_current(), topic, type, str(conversation.pk), conversation.version)
    return event
