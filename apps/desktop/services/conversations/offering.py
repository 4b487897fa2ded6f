"""Offering a conversation to a team, or to everybody when no team has anybody to spare."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.desktop.events import conversation_changed
from apps.desktop.models import Conversation, Team
from apps.desktop.notifications import person_notify, team_notify
from apps.desktop.selectors.people import members_of


def conversation_offer(
    conversation: Conversation, team: Team | None, type: str, *, user_id: UUID | None = None, **detail: Any
) -> None:
    """Opens a locked conversation for whoever of `team` (None: everybody) claims it first, saves it and notifies them."""
    asked = team_reachable(team)
    unclaim(conversation)
    conversation.status, conversation.snoozed_until = Conversation.Status.OPEN, None
    conversation.team = asked or team or conversation.team
    _due(conversation, asked, timezone.now())
    conversation_changed(conversation, type, user_id=user_id, team=asked.slug if asked else None, **detail)
    team_notify(conversation=conversation, team=asked)


def conversation_awake(conversation: Conversation) -> None:
    """A locked conversation is not put off any more: back to who put it off, or else to the team."""
    if conversation.assignee_id is None:
        return conversation_offer(conversation, conversation.team, "awake")
    conversation.status, conversation.snoozed_until = Conversation.Status.OPEN, None
    conversation_changed(conversation, "awake")
    return person_notify(conversation=conversation, user_id=conversation.assignee_id)


def team_reachable(team: Team | None) -> Team | None:
    """The first in the chain of teams with somebody who is available and has room; None is everybody."""
    seen: set[UUID] = set()
    while team is not None and team.pk not in seen:
        if any(person.reachable for person in members_of(team)):
            return team
        seen.add(team.pk)
        team = team.next_team
    return None


def unclaim(conversation: Conversation) -> None:
    """Nobody holds it any more, and what an earlier holder still says is stale."""
    conversation.assignee_id = conversation.claimed_at = conversation.claim_until = None
    conversation.generation += 1


def _due(conversation: Conversation, team: Team | None, now: datetime) -> None:
    conversation.notified_at = now
    conversation.notified_everybody = team is None
    conversation.answer_due_at = now + timedelta(seconds=team.answer_seconds) if team else None
