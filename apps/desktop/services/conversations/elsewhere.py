"""Conversations that the company began, or answered, outside of Meridian: whatever is told first, one comes of it."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.services.conversations.undoing import RESOLVED

ELSEWHERE = "elsewhere"  # the event of a conversation that the company began there


def answers_elsewhere(contact_id: UUID, channel: str, line: str, since: datetime) -> QuerySet[Message]:
    """What the company has said to the contact on this line since then, outside of Meridian."""
    talks = {"conversation__contact_id": contact_id, "conversation__channel": channel, "conversation__line": line}
    return Message.objects.filter(**talks, author=Message.Author.PERSON, user_id=None, private=False, at__gte=since)


def conversation_begun_elsewhere(contact: Contact, channel: str, line: str) -> Conversation | None:
    """The contact's last conversation on this line, locked, where the company began it elsewhere and nobody here had it since."""
    rows = Conversation.objects.select_for_update(of=("self",)).filter(contact=contact, channel=channel, line=line)
    last = rows.select_related("contact").order_by("-created_at", "-pk").first()
    if last is None or last.status != Conversation.Status.RESOLVED:
        return None
    happened = set(last.events.filter(type__in=(ELSEWHERE, RESOLVED)).values_list("type", flat=True))
    return last if happened == {ELSEWHERE} else None


def conversation_answered_in(contact: Contact, channel: str, line: str, at: datetime) -> Conversation | None:
    """The resolved conversation, locked, that held the answer to what the contact wrote at `at` when it was resolved."""
    answers = answers_elsewhere(contact.pk, channel, line, at).filter(at__gt=at).order_by("at", "pk")
    answer = answers.select_related("conversation").first()
    if answer is None or answer.conversation.resolved_at is None or answer.conversation.resolved_at < answer.at:
        return None
    rows = Conversation.objects.select_for_update(of=("self",)).select_related("contact")
    return rows.filter(pk=answer.conversation_id, status=Conversation.Status.RESOLVED).first()
