"""What a conversation was like before an act that can be undone; kept in the act's event."""

from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime

from apps.desktop.models import Conversation, Team

HELD = ("snoozed_until", "claimed_at", "claim_until", "answer_due_at")  # times that go with the holder
TIMES = ("waiting_since", *HELD)


def as_it_is(conversation: Conversation) -> dict[str, Any]:
    """What resolving, assigning, handing on or snoozing takes away."""
    times = {name: at.isoformat() for name in TIMES if (at := getattr(conversation, name))}
    held = {"assignee": str(conversation.assignee_id)} if conversation.assignee_id else {}
    team = str(conversation.team_id) if conversation.team_id else None
    return {"status": conversation.status, "unread": conversation.unread, "team": team, **held, **times}


def held_as_before(conversation: Conversation, before: dict[str, Any]) -> None:
    """The holder and what goes with them; what somebody else is still writing is stale."""
    conversation.status = before["status"]
    conversation.assignee_id = UUID(before["assignee"]) if "assignee" in before else None
    if "team" in before:  # it may be gone by now
        conversation.team = Team.objects.filter(pk=before["team"]).first()
    for name in HELD:
        setattr(conversation, name, parse_datetime(before.get(name, "")))
    conversation.generation += 1


def as_it_was(conversation: Conversation, before: dict[str, Any]) -> None:
    """The holder, and what waited and was unread."""
    held_as_before(conversation, before)
    conversation.unread = before["unread"]
    conversation.waiting_since = parse_datetime(before.get("waiting_since", ""))
