"""What happened, written beside the change it tells of; hints go out once it has committed.

Events commit in another order than their ids. Each keeps its transaction's id and the oldest transaction that was running
then, so `selectors.events_after` knows which earlier ids may have appeared since. A lock per tenant was as
fast (measured), but is held to the end of the outermost transaction and can deadlock with the rows of another conversation.
"""

from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone
from psycopg.types.json import Json

from apps.core.prepared import prepared
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
    """Saves a conversation that the caller has locked, as its next version, and tells everybody.

    One statement for both, since every message does this several times.
    """
    conversation.version += 1
    event = _event(conversation, type, user_id, detail)
    values = [field.get_db_prep_save(field.pre_save(conversation, False), connection) for field in _saved_fields()]
    with prepared(_save_sql(), [*values, conversation.pk, *_event_values(event)]) as cursor:
        row = cursor.fetchone()
    assert row is not None  # the caller has locked it, so it is there
    event.pk = row[0]
    event_announce(conversation.pk, type, conversation.version)
    return event


def event_write(conversation: Conversation, type: str, *, user_id: UUID | None = None, **detail: Any) -> DeskEvent:
    """Writes an event of the version that is saved already, and publishes its hints on commit."""
    event = _event(conversation, type, user_id, detail)
    event.save()
    event_announce(conversation.pk, type, conversation.version)
    return event


def event_announce(conversation_id: UUID, type: str, version: int) -> None:
    """Publishes the hints of an event on commit."""
    for topic in (TOPIC, conversation_topic(conversation_id)):
        hint_publish(schema_current(), topic, type, str(conversation_id), version)


def _event(conversation: Conversation, type: str, user_id: UUID | None, detail: dict[str, Any]) -> DeskEvent:
    return DeskEvent(
        conversation=conversation, type=type, version=conversation.version, user_id=user_id, detail=detail, at=timezone.now()
    )


def _event_values(event: DeskEvent) -> list[Any]:
    return [event.type, event.version, event.user_id, Json(event.detail), event.at]


@cache
def _saved_fields() -> tuple[Any, ...]:
    return tuple(field for field in Conversation._meta.concrete_fields if not field.primary_key)


@cache
def _save_sql() -> str:
    columns = ", ".join(f'"{field.column}" = %s' for field in _saved_fields())
    return (
        f"WITH saved AS (UPDATE desktop_conversation SET {columns} WHERE id = %s RETURNING id)"  # noqa: S608
        " INSERT INTO desktop_deskevent (conversation_id, type, version, user_id, detail, at)"
        " SELECT id, %s, %s, %s::uuid, %s, %s FROM saved RETURNING id"
    )
