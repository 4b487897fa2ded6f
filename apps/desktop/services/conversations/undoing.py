"""What a person has just done with a conversation is taken back: who holds it, and what was put off or over, is as before."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.dateparse import parse_datetime

from apps.desktop.channels import channel_for
from apps.desktop.errors import ChangedSince, NotColleague
from apps.desktop.events import conversation_changed
from apps.desktop.models import Conversation, DeskEvent
from apps.desktop.selectors.people import is_colleague
from apps.desktop.services.conversations.before import held_as_before
from apps.desktop.services.rules import conversation_lock

Status = Conversation.Status
ASSIGNED, TO_TEAM, SNOOZED, REOPENED, RESOLVED = "assigned", "to_team", "snoozed", "reopened", "resolved"  # the events


@transaction.atomic
def conversation_undo(*, conversation_id: UUID | str, user_id: UUID, done: str) -> Conversation:
    """Takes back that this person assigned it, handed it to a team, snoozed it or reopened it (`done`: its event).

    Raises ChangedSince where somebody has gone on with it, or the contact has written into what would be resolved; NotColleague.
    """
    if not is_colleague(user_id):
        raise NotColleague
    conversation = conversation_lock(conversation_id)
    event = DeskEvent.objects.filter(conversation=conversation, type=done).order_by("-id").first()
    if event is None or event.user_id != user_id or event.detail.get("generation") != conversation.generation:
        raise ChangedSince
    before = event.detail["before"]
    _require_as_left(conversation, done, before)
    held_as_before(conversation, before)
    if conversation.status == Status.RESOLVED:
        conversation.resolved_at, conversation.outcome = parse_datetime(before["resolved_at"]), before["outcome"]
    type, detail = _told(conversation, done)
    conversation_changed(conversation, type, user_id=user_id, **detail)
    if conversation.status == Status.PENDING:
        channel_for(conversation.channel).returned_to_ai(conversation)
    return conversation


def _require_as_left(conversation: Conversation, done: str, before: dict[str, Any]) -> None:
    """Raises ChangedSince where it is not as the act has left it any more, though nobody else holds it."""
    left = Status.SNOOZED if done == SNOOZED else Status.OPEN
    written_since = before["status"] == Status.RESOLVED and conversation.waiting_since is not None
    if conversation.status != left or written_since:
        raise ChangedSince


def _told(conversation: Conversation, done: str) -> tuple[str, dict[str, Any]]:
    """As what the timeline tells of it."""
    if conversation.status == Status.PENDING:
        return "to_ai", {}
    if conversation.status == Status.RESOLVED:
        return RESOLVED, {"outcome": conversation.outcome}
    if conversation.status == Status.SNOOZED and conversation.snoozed_until:
        return SNOOZED, {"until": conversation.snoozed_until.isoformat()}
    if done == SNOOZED:
        return "awake", {}
    return (ASSIGNED, {"assignee": str(conversation.assignee_id)}) if conversation.assignee_id else ("undone", {})
