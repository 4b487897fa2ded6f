"""Two unresolved conversations of one contact on one line become one: their contacts were merged."""

from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from apps.compass.services.webhooks import webhook_event
from apps.desktop.events import conversation_changed, event_announce
from apps.desktop.models import Conversation, DeskEvent, JoinedConversation, Message
from apps.desktop.notifications import person_notify
from apps.desktop.services.conversations.offering import conversation_awake
from apps.desktop.services.messages.sentiment import sentiment_refresh
from apps.desktop.webhooks import conversation_data

Status = Conversation.Status
Listener = Callable[[Conversation, Conversation], None]
RANK = {Status.OPEN: 2, Status.SNOOZED: 1, Status.PENDING: 0}
LINK = (
    "UPDATE desktop_message AS reply SET reply_to_id = target.id FROM desktop_message AS target"
    " WHERE reply.conversation_id = %s AND reply.reply_to_id IS NULL AND target.conversation_id = reply.conversation_id"
    " AND target.external_id = reply.payload ->> 'reply_to'"
)
_listeners: dict[str, Listener] = {}


def joined_register(name: str, listener: Listener) -> None:
    """Called from ready(). `listener(kept, gone)` runs in the transaction that joins, after the messages have moved.

    It raises TransientError where that has to wait.
    """
    _listeners[name] = listener


@transaction.atomic
def conversation_join(*, conversation: Conversation, other: Conversation) -> Conversation:
    """Joins two locked conversations and returns what is left: the one that a person holds, else that people were asked about.

    Messages, notes and events of both are in it; what an agent was still saying is stale. The address of the other leads to it.
    """
    kept, gone = sorted((conversation, other), key=_weight, reverse=True)
    holder = gone.assignee_id
    _move(gone, kept)
    _sum(kept, gone)
    contact, gone_id = conversation.contact, gone.pk
    for listener in _listeners.values():
        listener(kept, gone)
    event_announce(gone_id, "joined", gone.version + 1)
    gone.delete()
    kept.contact, kept.generation = contact, kept.generation + 1
    lost: dict[str, Any] = {"assignee": str(holder)} if holder and holder != kept.assignee_id else {}
    conversation_changed(kept, "joined", joined=str(gone_id), **lost)
    webhook_event(type="conversation.joined", data={**conversation_data(kept), "joined_id": str(gone_id)})
    if kept.status == Status.SNOOZED and gone.status != Status.SNOOZED:
        conversation_awake(kept)
    elif kept.assignee_id is not None:
        person_notify(conversation=kept, user_id=kept.assignee_id)
    return kept


def _weight(conversation: Conversation) -> tuple[bool, int, float]:
    """Of two alike the one that began first counts."""
    held = conversation.assignee_id is not None
    return held, RANK[Status(conversation.status)], -conversation.created_at.timestamp()


def _move(gone: Conversation, kept: Conversation) -> None:
    JoinedConversation.objects.filter(into=gone).update(into=kept)
    JoinedConversation.objects.create(pk=gone.pk, into=kept)
    Message.objects.filter(conversation=gone).update(conversation=kept)
    later = gone if gone.created_at > kept.created_at else kept
    DeskEvent.objects.filter(conversation=later, type="opened").delete()
    DeskEvent.objects.filter(conversation=gone).update(conversation=kept)
    with connection.cursor() as cursor:
        cursor.execute(LINK, [kept.pk])


def _sum(kept: Conversation, gone: Conversation) -> None:
    """What both have brought together; a message of the same moment that came first stays the one that lists show."""
    kept.unread += gone.unread
    for name, choose in (("window_until", max), ("waiting_since", min), ("created_at", min)):
        known = [value for value in (getattr(kept, name), getattr(gone, name)) if value is not None]
        setattr(kept, name, choose(known) if known else None)
    if gone.last_message_at and (kept.last_message_at is None or gone.last_message_at > kept.last_message_at):
        kept.last_message_at, kept.last_message_text = gone.last_message_at, gone.last_message_text
    kept.summary = "\n\n".join(filter(None, dict.fromkeys([kept.summary, gone.summary])))
    kept.handoff_reason = kept.handoff_reason or gone.handoff_reason
    kept.agent_id, kept.team_id = kept.agent_id or gone.agent_id, kept.team_id or gone.team_id
    sentiment_refresh(kept)
