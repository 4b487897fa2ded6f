"""What became of a message that went out. Reports come doubled and in any order; the message only advances.

Each report is one statement, since two or three follow every message: it locks the conversation first, as all services do, keeps
the report, advances the message where that is an advance, and only then writes the conversation's next version and its event.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from psycopg.types.json import Json

from apps.core.prepared import prepared
from apps.desktop.errors import UnknownMessage
from apps.desktop.events import event_announce
from apps.desktop.models import Message
from apps.desktop.services.messages.reacting import reactions_failed

Status = Message.Status
RANK = {Status.PENDING: 0, Status.UNCERTAIN: 1, Status.SENT: 2, Status.DELIVERED: 3, Status.READ: 4, Status.FAILED: 5}
KEPT = """kept AS (
  INSERT INTO desktop_messagestatus (message_id, status, at, pricing)
  SELECT found.id, %(status)s, %(at)s, %(pricing)s::jsonb FROM found, locked ON CONFLICT DO NOTHING), """
ADVANCE = """WITH found AS (SELECT id, conversation_id FROM desktop_message WHERE {column} = %(value)s),
locked AS (SELECT id FROM desktop_conversation WHERE id = (SELECT conversation_id FROM found) FOR UPDATE),
{kept}advanced AS (
  UPDATE desktop_message AS message
  SET status = %(status)s, error_code = %(code)s, error_text = %(text)s, external_id = COALESCE(%(external_id)s, external_id)
  FROM locked, found WHERE message.id = found.id AND message.status = ANY(%(below)s) RETURNING message.id),
moved AS (
  UPDATE desktop_conversation AS conversation SET version = version + 1, updated_at = %(now)s
  FROM locked, advanced WHERE conversation.id = locked.id RETURNING conversation.id, conversation.version),
told AS (
  INSERT INTO desktop_deskevent (conversation_id, type, version, detail, at)
  SELECT moved.id, 'status', moved.version, jsonb_build_object('message', advanced.id, 'status', %(status)s::text), %(now)s
  FROM moved, advanced)
SELECT locked.id, (SELECT version FROM moved) FROM locked"""


def message_status_set(
    *,
    external_id: str,
    status: str,
    at: datetime,
    error_code: str = "",
    error_text: str = "",
    pricing: dict[str, Any] | None = None,
) -> bool:
    """Keeps a status that the channel reports (sent, delivered, read, failed); true where the message advanced by it.

    Raises UnknownMessage: the report may have come before the answer that names the message.
    """
    sql = ADVANCE.format(column="external_id", kept=KEPT)
    report = {"at": at, "pricing": None if pricing is None else Json(pricing)}
    return _advance(sql, external_id, status, error_code, error_text, **report)


def message_advance(
    *, message_id: UUID | str, status: str, external_id: str | None = None, code: str = "", text: str = ""
) -> bool:
    """How our own sending ended: sent (and what the channel calls it), failed or uncertain. Raises UnknownMessage.

    `text` says to people why it failed, and what to do.
    """
    sql = ADVANCE.format(column="id", kept="")
    advanced = _advance(sql, message_id, status, code, text, external_id=external_id)
    if external_id and not advanced:  # a report was faster, and knew the message by our own id
        Message.objects.filter(pk=message_id).update(external_id=external_id)
    return advanced


def message_sent(*, message_id: UUID | str, external_id: str) -> Message:
    """The channel took it and calls it `external_id`."""
    message_advance(message_id=message_id, status=Status.SENT, external_id=external_id)
    return Message.objects.get(pk=message_id)


def message_failed(*, message_id: UUID | str, code: str, text: str) -> Message:
    """The channel refused it; `text` says to people why, and what to do."""
    message_advance(message_id=message_id, status=Status.FAILED, code=code, text=text)
    return Message.objects.get(pk=message_id)


def message_uncertain(*, message_id: UUID | str, text: str) -> Message:
    """Nobody knows whether it went out; it is not sent again by itself."""
    message_advance(message_id=message_id, status=Status.UNCERTAIN, text=text)
    return Message.objects.get(pk=message_id)


def _advance(sql: str, value: UUID | str, status: str, code: str, text: str, **more: Any) -> bool:
    given = {"external_id": None, **more, "value": value, "status": str(status), "code": code[:24], "text": text[:500]}
    below = [str(one.value) for one, rank in RANK.items() if rank < RANK[Status(status)]]
    if Status(status) != Status.PENDING:
        below.append(str(Status.RECEIVED.value))
    given |= {"below": below, "now": timezone.now()}
    with transaction.atomic(savepoint=False):
        with prepared(sql, given) as cursor:
            row = cursor.fetchone()
        if row is not None and row[1] is not None:
            event_announce(row[0], "status", row[1])
            if status == Status.FAILED:
                reactions_failed(row[0])
    if row is None:
        raise UnknownMessage
    return row[1] is not None
