"""Reads that only the desktop's pages need."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from apps.desktop.models import Conversation, Message
from apps.desktop.selectors import messages_of
from apps.desktop.selectors.histories import shown_in

PAGE = 50
CHANNEL_NAMES = {"whatsapp": "WhatsApp"}


@dataclass(frozen=True)
class Stretch:
    """The messages shown. `start` is the oldest one, for asking for the same stretch again; `older` begins one page earlier."""

    messages: list[Message]
    start: UUID | None
    older: UUID | None


def channel_name(channel: str) -> str:
    """How people call a channel."""
    return CHANNEL_NAMES.get(channel, channel.title())


def channels_used() -> list[tuple[str, str]]:
    """Channels that have conversations, with their names."""
    found = Conversation.objects.order_by("channel").values_list("channel", flat=True).distinct()
    return [(channel, channel_name(channel)) for channel in found]


def stretch_of(conversation: Conversation, start: UUID | None) -> Stretch:
    """Everything from the message `start` on; without one, or with an unknown one, the last page."""
    first = conversation.messages.filter(pk=start).first() if start else None
    messages = _since(conversation, first) if first else messages_of(conversation, limit=PAGE)
    before = messages_of(conversation, before=messages[0], limit=PAGE) if messages else []
    return Stretch(messages, messages[0].pk if messages else None, before[0].pk if before else None)


def _since(conversation: Conversation, first: Message) -> list[Message]:
    rows = shown_in(conversation).select_related("reply_to").prefetch_related("attachments", "statuses")
    return list(rows.filter(Q(at__gt=first.at) | Q(at=first.at, pk__gte=first.pk)))


def earlier_of(conversation: Conversation) -> Conversation | None:
    """The contact's conversation before this one on the same line, to look back at."""
    rows = Conversation.objects.filter(contact=conversation.contact_id, channel=conversation.channel, line=conversation.line)
    return rows.filter(created_at__lt=conversation.created_at).order_by("-created_at").first()
