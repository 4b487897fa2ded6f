"""Locks and rights that the services share."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from apps.desktop.errors import (
    AlreadyClaimed,
    AtCapacity,
    ConversationResolved,
    NotAllowed,
    NotColleague,
    UnknownConversation,
    UnknownTeam,
)
from apps.desktop.models import Conversation, Team
from apps.desktop.selectors.people import colleague_capacity, is_colleague, may_supervise, user_name

CLAIM_SECONDS = 300  # where no team says otherwise


def conversation_lock(conversation_id: UUID | str) -> Conversation:
    """Reads a conversation FOR UPDATE. Raises UnknownConversation."""
    found = Conversation.objects.select_for_update().filter(pk=conversation_id).first()
    if found is None:
        raise UnknownConversation
    return found


def conversation_refresh(conversation: Conversation) -> None:
    """Locks the row and brings the caller's object up to date."""
    conversation.refresh_from_db(from_queryset=Conversation.objects.select_for_update())


@contextmanager
def conversation_held(conversation: Conversation, *, locked: bool) -> Iterator[None]:
    """A transaction in which the conversation is locked and up to date; `locked`: the caller's own is one already."""
    if locked:
        yield
        return
    with transaction.atomic():
        conversation_refresh(conversation)
        yield


def require_unresolved(conversation: Conversation) -> None:
    """Raises ConversationResolved."""
    if conversation.status == Conversation.Status.RESOLVED:
        raise ConversationResolved


def require_holder(conversation: Conversation, user_id: UUID | None) -> None:
    """The holder may, anybody where nobody holds it, supervisors always, and Meridian (None). Raises NotAllowed, NotColleague."""
    if user_id is None or conversation.assignee_id == user_id:
        return
    if not is_colleague(user_id):
        raise NotColleague
    if conversation.assignee_id is not None and not may_supervise(user_id):
        raise NotAllowed


def require_capacity(user_id: UUID, *, beside: Conversation) -> None:
    """Raises AtCapacity when a person holds as many open conversations as they can, not counting `beside`."""
    capacity = colleague_capacity(user_id)
    held = Conversation.objects.filter(assignee_id=user_id, status=Conversation.Status.OPEN).exclude(pk=beside.pk)
    if held.count() >= capacity:
        raise AtCapacity(capacity)


def team_by_slug(slug: str) -> Team | None:
    """None for no slug. Raises UnknownTeam."""
    if not slug:
        return None
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise UnknownTeam
    return team


def claim_time(team: Team | None) -> timedelta:
    """How long a claim lasts without an answer."""
    return timedelta(seconds=team.claim_seconds if team else CLAIM_SECONDS)


def claimed_by(user_id: UUID | None) -> AlreadyClaimed:
    """The error that names who was faster."""
    return AlreadyClaimed(user_name(user_id) or "Somebody")
