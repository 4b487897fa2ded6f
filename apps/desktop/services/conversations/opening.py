"""Conversations begin, and leave the AI for people."""

from contextlib import nullcontext
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.compass.services.webhooks import webhook_event
from apps.core.rows import row_read
from apps.desktop.errors import DeskError
from apps.desktop.events import conversation_changed
from apps.desktop.models import Contact, Conversation, Team
from apps.desktop.services.conversations.elsewhere import conversation_answered_in, conversation_begun_elsewhere
from apps.desktop.services.conversations.offering import conversation_offer
from apps.desktop.services.rules import conversation_refresh, team_by_slug
from apps.desktop.webhooks import conversation_data

TRIES = 3
REASON_LENGTH = 300
UNRESOLVED = "WHERE contact_id = %s AND channel = %s AND line = %s AND status <> 'resolved' FOR UPDATE"


def conversation_open(
    *, contact: Contact, channel: str, line: str, agent_id: UUID | None = None, team_slug: str = "", at: datetime | None = None
) -> tuple[Conversation, bool]:
    """The contact's unresolved conversation on this line, locked in the caller's transaction, or a new one; True when new.

    A new one waits with the AI agent (pending); without an agent it is open, and the team, or everybody, is notified. `at`: when
    the contact wrote; what was answered elsewhere since, in a conversation that is resolved by now, belongs to that one.
    """
    with nullcontext() if connection.in_atomic_block else transaction.atomic():
        return _open(contact, channel, line, agent_id, team_slug, at)


def _open(
    contact: Contact, channel: str, line: str, agent_id: UUID | None, team_slug: str, at: datetime | None
) -> tuple[Conversation, bool]:
    for _ in range(TRIES):
        found = conversation_unresolved(contact, channel, line)
        if found is not None:
            return found, False
        Contact.objects.select_for_update().get(pk=contact.pk)  # what the company says elsewhere may be arriving beside this
        begun = conversation_begun_elsewhere(contact, channel, line)
        answered = conversation_answered_in(contact, channel, line, at) if at and begun is None else None
        if answered is not None:
            return answered, False
        try:
            with transaction.atomic():
                made = begun or Conversation(contact=contact, channel=channel, line=line)
                return _begin(made, agent_id, team_by_slug(team_slug)), True
        except IntegrityError:
            continue  # another worker opened it meanwhile
    raise DeskError("This conversation is being opened elsewhere; try again.")


def conversation_unresolved(contact: Contact, channel: str, line: str) -> Conversation | None:
    """The contact's unresolved conversation on this line, locked in the caller's transaction."""
    found = row_read(Conversation, UNRESOLVED, [contact.pk, channel, line])
    if found is not None:
        found.contact = contact
    return found


def _begin(conversation: Conversation, agent_id: UUID | None, team: Team | None) -> Conversation:
    """A new one, or one that the company began elsewhere."""
    conversation.agent_id, conversation.team = agent_id, team
    conversation.status, conversation.resolved_at = Conversation.Status.PENDING, None
    conversation.save()
    if agent_id is None:
        conversation_offer(conversation, team, "opened")
    else:
        conversation_changed(conversation, "opened", agent=str(agent_id))
    webhook_event(type="conversation.opened", data=conversation_data(conversation))
    return conversation


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
