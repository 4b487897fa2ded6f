"""Conversations are put off, resolved and taken up again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.compass.services.webhooks import webhook_event
from apps.desktop.channels import channel_for
from apps.desktop.errors import BadTime, NewerConversation
from apps.desktop.events import conversation_changed
from apps.desktop.models import Conversation, DeskEvent
from apps.desktop.resolutions import resolved_tell
from apps.desktop.services.conversations.before import as_it_is, as_it_was
from apps.desktop.services.conversations.offering import unclaim
from apps.desktop.services.conversations.undoing import REOPENED, RESOLVED, SNOOZED
from apps.desktop.services.rules import conversation_lock, require_holder, require_unresolved
from apps.desktop.webhooks import conversation_data

OUTCOME_LENGTH = 120


@transaction.atomic
def conversation_snooze(*, conversation_id: UUID | str, user_id: UUID | None, until: datetime) -> Conversation:
    """Puts a conversation off; it comes back at `until`, or when the contact writes. Raises BadTime, NotAllowed."""
    conversation = conversation_lock(conversation_id)
    require_unresolved(conversation)
    require_holder(conversation, user_id)
    if until <= timezone.now():
        raise BadTime
    before = as_it_is(conversation)
    if conversation.status == Conversation.Status.PENDING:
        conversation.generation += 1
    conversation.status, conversation.snoozed_until = Conversation.Status.SNOOZED, until
    conversation.answer_due_at = conversation.claim_until = None
    undo = {"before": before, "generation": conversation.generation}
    conversation_changed(conversation, SNOOZED, user_id=user_id, until=until.isoformat(), **undo)
    return conversation


@transaction.atomic
def conversation_resolve(*, conversation_id: UUID | str, user_id: UUID | None, outcome: str = "") -> Conversation:
    """Ends a conversation; resolved already, nothing changes. The next message opens a new one. Raises NotAllowed."""
    conversation = conversation_lock(conversation_id)
    if conversation.status == Conversation.Status.RESOLVED:
        return conversation
    require_holder(conversation, user_id)
    before = as_it_is(conversation)
    conversation.status, conversation.resolved_at = Conversation.Status.RESOLVED, timezone.now()
    conversation.outcome, conversation.generation = outcome[:OUTCOME_LENGTH], conversation.generation + 1
    conversation.waiting_since = conversation.snoozed_until = None
    conversation.answer_due_at = conversation.claim_until = None
    conversation.unread = 0
    conversation_changed(conversation, RESOLVED, user_id=user_id, outcome=conversation.outcome, before=before)
    resolved_tell(conversation)
    webhook_event(type="conversation.resolved", data={**conversation_data(conversation), "outcome": conversation.outcome})
    return conversation


@transaction.atomic
def conversation_reopen(*, conversation_id: UUID | str, user_id: UUID | None) -> Conversation:
    """Takes a resolved or snoozed conversation up again, held by nobody. Raises NewerConversation, NotColleague."""
    conversation = conversation_lock(conversation_id)
    if conversation.status not in (Conversation.Status.RESOLVED, Conversation.Status.SNOOZED):
        return conversation
    before = as_it_is(conversation)
    if conversation.status == Conversation.Status.SNOOZED:
        require_holder(conversation, user_id)
    else:
        before |= {
            "resolved_at": conversation.resolved_at and conversation.resolved_at.isoformat(),
            "outcome": conversation.outcome,
        }
        unclaim(conversation)
    conversation.status, conversation.snoozed_until = Conversation.Status.OPEN, None
    _reopened(conversation, user_id, before=before, generation=conversation.generation)
    return conversation


@transaction.atomic
def conversation_resolve_undo(*, conversation_id: UUID | str, user_id: UUID) -> Conversation:
    """Takes back that this person resolved it: held, waiting, snoozed or with the AI as before. Others' are reopened.

    Raises NewerConversation, NotColleague.
    """
    conversation = conversation_lock(conversation_id)
    event = DeskEvent.objects.filter(conversation=conversation, type=RESOLVED).order_by("-id").first()
    resolved = conversation.status == Conversation.Status.RESOLVED
    if not resolved or event is None or event.user_id != user_id or "before" not in event.detail:
        return conversation_reopen(conversation_id=conversation_id, user_id=user_id)
    as_it_was(conversation, event.detail["before"])
    _reopened(conversation, user_id)
    if conversation.status == Conversation.Status.PENDING:
        channel_for(conversation.channel).returned_to_ai(conversation)
    return conversation


def _reopened(conversation: Conversation, user_id: UUID | None, **detail: Any) -> None:
    conversation.resolved_at, conversation.outcome = None, ""
    try:
        with transaction.atomic():
            conversation_changed(conversation, REOPENED, user_id=user_id, **detail)
    except IntegrityError:
        raise NewerConversation from None
