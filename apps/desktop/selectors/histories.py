"""What was said, for the page, for the AI, and over the whole time of a contact."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.core.moments import utc_text
from apps.desktop.kinds import last_words
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.timeline import TimelineItem, timeline_parts

ROLES = {Message.Author.CONTACT: "contact", Message.Author.AI: "agent", Message.Author.SYSTEM: "agent"}


def shown_in(conversation: Conversation) -> QuerySet[Message]:
    """What stands in a thread by itself: everything but reactions, which stand at what they react to."""
    return conversation.messages.exclude(kind=Message.REACTION)


def messages_of(conversation: Conversation, before: Message | UUID | str | None = None, limit: int = 50) -> list[Message]:
    """The last `limit` messages and notes (before one of them), oldest first, with replied message, files and statuses."""
    rows = shown_in(conversation).select_related("reply_to").prefetch_related("attachments", "statuses")
    if before is not None:
        edge = before if isinstance(before, Message) else conversation.messages.filter(pk=before).first()
        if edge is None:
            return []
        rows = rows.filter(Q(at__lt=edge.at) | Q(at=edge.at, pk__lt=edge.pk))
    return list(reversed(rows.order_by("-at", "-pk")[:limit]))


def last_speakers(conversations: Iterable[Conversation]) -> dict[UUID, Message]:
    """The message that a list shows of each conversation, by the conversation's id; only its author and colleague."""
    shown = Message.objects.filter(conversation__in=[row.pk for row in conversations], private=False)
    rows = shown.filter(at=F("conversation__last_message_at")).exclude(kind=Message.REACTION)
    return {row.conversation_id: row for row in rows.only("conversation_id", "author", "user_id").order_by("at", "pk")}


def history_of(conversation: Conversation, limit: int = 30) -> list[dict[str, Any]]:
    """The `history` of a turn: what contact, agent and people said, oldest first; no notes, nothing that failed."""
    said = shown_in(conversation).filter(private=False).exclude(status=Message.Status.FAILED).prefetch_related("attachments")
    rows = reversed(said.order_by("-at", "-pk")[:limit])
    return [
        {"role": ROLES.get(Message.Author(row.author), "person"), "text": spoken(row), "at": utc_text(row.at)} for row in rows
    ]


def spoken(message: Message) -> str:
    """A message in words: its text, what a voice note says, or what kind of thing it is."""
    heard = [part.transcript for part in message.attachments.all() if part.transcript]
    return message.text or " ".join(heard) or f"[{message.kind}]"


def timeline_of(contact: Contact) -> list[TimelineItem]:
    """Every call and chat with a contact, the latest first."""
    items = [_chat(row) for row in contact.conversations.all()]
    items += [item for part in timeline_parts() for item in part(contact)]
    return sorted(items, key=lambda item: item.at, reverse=True)


def _chat(row: Conversation) -> TimelineItem:
    return TimelineItem(
        kind="chat",
        id=str(row.pk),
        at=row.last_message_at or row.created_at,
        title=row.summary or last_words(row.last_message_text),
        detail=row.outcome or row.handoff_reason,
        status=row.status,
        path=f"/desktop/{row.pk}/",
    )
