"""Who holds a conversation: a person, a team, or the AI."""

from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.desktop.channels import channel_for
from apps.desktop.errors import NoAgent, NotColleague
from apps.desktop.events import conversation_changed, event_write
from apps.desktop.models import Conversation
from apps.desktop.notifications import person_notify
from apps.desktop.selectors.people import is_colleague
from apps.desktop.services.conversations.before import as_it_is
from apps.desktop.services.conversations.offering import conversation_offer, unclaim
from apps.desktop.services.conversations.undoing import ASSIGNED, TO_TEAM
from apps.desktop.services.rules import (
    claim_time,
    claimed_by,
    conversation_lock,
    require_capacity,
    require_holder,
    require_unresolved,
    team_by_slug,
)

FREE = Q(assignee_id__isnull=True) & ~Q(status=Conversation.Status.RESOLVED)


@transaction.atomic
def conversation_claim(*, conversation_id: UUID | str, user_id: UUID) -> Conversation:
    """Takes a conversation that nobody holds, also from the AI; of many at once one gets it. Again by its holder changes nothing.

    Raises AlreadyClaimed, AtCapacity, NotColleague, ConversationResolved, UnknownConversation.
    """
    if not is_colleague(user_id):
        raise NotColleague
    taken = Conversation.objects.filter(FREE, pk=conversation_id).update(
        assignee_id=user_id, generation=F("generation") + 1, version=F("version") + 1
    )
    conversation = conversation_lock(conversation_id)
    if taken:
        require_capacity(user_id, beside=conversation)
        return _claimed(conversation)
    require_unresolved(conversation)
    if conversation.assignee_id != user_id:
        raise claimed_by(conversation.assignee_id)
    return conversation


def _claimed(conversation: Conversation) -> Conversation:
    before = conversation.status
    now = timezone.now()
    conversation.status, conversation.snoozed_until = Conversation.Status.OPEN, None
    conversation.claimed_at, conversation.answer_due_at = now, None
    conversation.claim_until = now + claim_time(conversation.team)
    conversation.save()
    event_write(conversation, "claimed", user_id=conversation.assignee_id, before=before)
    return conversation


@transaction.atomic
def conversation_release(*, conversation_id: UUID | str, user_id: UUID) -> Conversation:
    """Gives a conversation back to its team, which is notified. Raises NotAllowed, ConversationResolved."""
    conversation = _changeable(conversation_id, user_id)
    if conversation.assignee_id is not None:
        conversation_offer(conversation, conversation.team, "released", user_id=user_id)
    return conversation


@transaction.atomic
def conversation_assign(*, conversation_id: UUID | str, user_id: UUID | None, assignee_id: UUID) -> Conversation:
    """Gives a conversation to a colleague, who is notified. Raises NotAllowed, NotColleague, ConversationResolved."""
    conversation = _changeable(conversation_id, user_id)
    if not is_colleague(assignee_id):
        raise NotColleague
    if conversation.assignee_id == assignee_id:
        return conversation
    before = as_it_is(conversation)
    conversation.assignee_id, conversation.status = assignee_id, Conversation.Status.OPEN
    conversation.claimed_at, conversation.generation = timezone.now(), conversation.generation + 1
    conversation.claim_until = conversation.claimed_at + claim_time(conversation.team)
    conversation.answer_due_at = conversation.snoozed_until = None
    given = {"assignee": str(assignee_id), "generation": conversation.generation, "before": before}
    conversation_changed(conversation, ASSIGNED, user_id=user_id, **given)
    if assignee_id != user_id:
        person_notify(conversation=conversation, user_id=assignee_id)
    return conversation


@transaction.atomic
def conversation_to_team(*, conversation_id: UUID | str, user_id: UUID | None, team_slug: str) -> Conversation:
    """Hands a conversation to a team (no slug: everybody). Raises UnknownTeam, NotAllowed, ConversationResolved."""
    conversation = _changeable(conversation_id, user_id)
    team = team_by_slug(team_slug)
    undo = {"before": as_it_is(conversation), "generation": conversation.generation + 1}  # which it has when it is offered
    conversation.team = team
    conversation_offer(conversation, team, TO_TEAM, user_id=user_id, to=team_slug, **undo)
    return conversation


@transaction.atomic
def conversation_to_ai(*, conversation_id: UUID | str, user_id: UUID | None) -> Conversation:
    """The AI agent holds it again, and answers what nobody has answered. Raises NoAgent, NotAllowed, ConversationResolved."""
    conversation = _changeable(conversation_id, user_id)
    if conversation.agent_id is None:
        raise NoAgent
    if conversation.status == Conversation.Status.PENDING:
        return conversation
    unclaim(conversation)
    conversation.status = Conversation.Status.PENDING
    conversation.answer_due_at = conversation.snoozed_until = None
    conversation_changed(conversation, "to_ai", user_id=user_id)
    channel_for(conversation.channel).returned_to_ai(conversation)
    return conversation


def _changeable(conversation_id: UUID | str, user_id: UUID | None) -> Conversation:
    conversation = conversation_lock(conversation_id)
    require_unresolved(conversation)
    require_holder(conversation, user_id)
    return conversation
