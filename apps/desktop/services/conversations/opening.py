"""Conversations begin, and leave the AI for people."""

from contextlib import nullcontext
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.compass.services.webhooks import webhook_event
from apps.core.rows import row_read
from apps.desktop.errors import DeskError
from apps.desktop.events import conversation_changed
from apps.desktop.models import Contact, Conversation, Team
from apps.desktop.services.conversations.offering import conversation_offer
from apps.desktop.services.rules import conversation_refresh, team_by_slug
from apps.desktop.webhooks import conversation_data

TRIES = 3
REASON_LENGTH = 300
UNRESOLVED = "WHERE contact_id = %s AND channel = %s AND line = %s AND status <> 'resolved' FOR UPDATE"


def conversation_open(
    *, contact: Contact, channel: str, line: str, agent_id: UUID | None = None, team_slug: str = ""
) -> tuple[Conversation, bool]:
    """The contact's unresolved conversation on this line, locked in the caller's transaction, or a new one; True when new.

    A new one waits with the AI agent (pending); without an agent it is open, and the team, or everybody, is notified.
    """
    with nullcontext() if connection.in_atomic_block else transaction.atomic():
        return _open(contact, channel, line, agent_id, team_slug)


def _open(contact: Contact, channel: str, line: str, agent_id: UUID | None, team_slug: str) -> tuple[Conversation, bool]:
    for _ in range(TRIES):
        found = conversation_unresolved(contact, channel, line)
        if found is not None:
            return found, False
        try:
            with transaction.atomic():
                return _create(contact, channel, line, agent_id, team_slug), True
        except IntegrityError:
            continue  # another worker opened it meanwhile
    raise DeskError("This conversation is being opened elsewhere; try again.")


def conversation_unresolved(contact: Contact, channel: str, line: str) -> Conversation | None:
    """The contact's unresolved conversation on this line, locked in the caller's transaction."""
    found = row_read(Conversation, UNRESOLVED, [contact.pk, channel, line])
    if found is not None:
        found.contact = contact
    return found


def _create(contact: Contact, channel: str, line: str, agent_id: UUID | None, team_slug: str) -> Conversation:
    team = team_by_slug(team_slug)
    made = Conversation.objects.create(
        contact=contact, channel=channel, line=line, agent_id=agent_id, team=team, status=Conversation.Status.PENDING
    )
    if agent_id is None:
        conversation_offer(made, team, "opened")
    else:
        conversation_changed(made, "opened", agent=str(agent_id))
    webhook_event(type="conversation.opened", data=conversation_data(made))
    return made


@transaction.atomic
def conversation_escalate(*, conversation: Conversation, reason: str, team_slug: str = "", summary: str = "") -> Conversation:
    """The AI hands over: open in the team, which is notified. Nothing changes where it is not with the AI any more.

    A team that does not exist falls back to the conversation's own, or everybody: a handover must not be lost to a typing error.
    """
    conversation_refresh(conversation)
    if conversation.status != Conversation.Status.PENDING:
        return conversation
    conversation.handoff_reason = reason[:REASON_LENGTH]
    conversation.summary = summary or conversation.summary
    conversation.waiting_since = conversation.waiting_since or timezone.now()  # the AI's last words announced a person
    team = Team.objects.filter(slug=team_slug).first() or conversation.team
    conversation_offer(conversation, team, "escalated", reason=conversation.handoff_reason)
    data = {**conversation_data(conversation), "reason": conversation.handoff_reason, "summary": conversation.summary}
    webhook_event(type="conversation.escalated", data=data)
    return conversation
