"""What a person has seen, and what the AI made of it."""

from uuid import UUID

from django.db import transaction

from apps.desktop.channels import channel_for
from apps.desktop.events import conversation_changed
from apps.desktop.models import Conversation
from apps.desktop.services.messages.mentions import mentions_seen
from apps.desktop.services.rules import conversation_held, conversation_lock


@transaction.atomic
def conversation_read(*, conversation_id: UUID | str, user_id: UUID, last: UUID | None = None) -> Conversation:
    """A person has seen everything. Where somebody holds it only they count; the contact is told unless the AI holds it.

    Who has seen it only until the message `last` has read the notes that name them, and of what the contact wrote nothing.
    """
    conversation = conversation_lock(conversation_id)
    mentions_seen(conversation, user_id, last)
    if last or not conversation.unread or conversation.assignee_id not in (None, user_id):
        return conversation
    conversation.unread = 0
    conversation_changed(conversation, "read", user_id=user_id)
    if conversation.status != Conversation.Status.PENDING:
        channel_for(conversation.channel).read(conversation)
    return conversation


def conversation_summary_set(
    *, conversation: Conversation, summary: str, sentiment: float | None = None, locked: bool = False
) -> Conversation:
    """Keeps the AI's summary, and its sentiment (-1 to 1) where it has one. `locked`: the caller's transaction holds it."""
    with conversation_held(conversation, locked=locked):
        conversation.summary = summary
        if sentiment is not None:
            conversation.sentiment = max(-1.0, min(1.0, sentiment))
        conversation_changed(conversation, "summary")
    return conversation
