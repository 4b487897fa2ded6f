"""Reads that only the desktop's pages need."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.desktop.models import Conversation, Message
from apps.desktop.selectors import messages_of
from apps.desktop.selectors.histories import shown_in

PAGE = 50
CHANNEL_NAMES = {"whatsapp": "WhatsApp"}


@dataclass(frozen=True)
class Stretch:
    """The messages shown. `start` is the oldest one and `end` the newest, for asking for the same stretch again; `older` begins
    one page earlier, `newer` ends one page later. Up to the last message there is neither `end` nor `newer`.
    """

    messages: list[Message]
    start: UUID | None
    older: UUID | None
    end: UUID | None = None
    newer: UUID | None = None


def channel_name(channel: str) -> str:
    """How people call a channel."""
    return CHANNEL_NAMES.get(channel, channel.title())


def channels_used() -> list[tuple[str, str]]:
    """Channels that have conversations, with their names."""
    found = Conversation.objects.order_by("channel").values_list("channel", flat=True).distinct()
    return [(channel, channel_name(channel)) for channel in found]


def stretch_of(conversation: Conversation, start: UUID | None, end: UUID | None = None, *, around: UUID | None = None) -> Stretch:
    """The messages from `start` to `end`, without an end to the last one; or half a page on either side of `around`.

    Where that is part of the last page, without any of them, and for ids that are not in it: the last page.
    """
    first, last = _edges(conversation, around) if around else (_message(conversation, start), _message(conversation, end))
    messages = _between(conversation, first, last) if first else []
    messages = messages or messages_of(conversation, limit=PAGE)
    if not messages:
        return Stretch([], None, None)
    before = messages_of(conversation, before=messages[0], limit=PAGE)
    after = _after(conversation, messages[-1], PAGE) if last else []
    return Stretch(
        messages,
        messages[0].pk,
        older=before[0].pk if before else None,
        end=messages[-1].pk if after else None,
        newer=after[-1].pk if after else None,
    )


def _message(conversation: Conversation, pk: UUID | None) -> Message | None:
    return conversation.messages.filter(pk=pk).first() if pk else None


def _edges(conversation: Conversation, around: UUID) -> tuple[Message | None, Message | None]:
    """The first and the last message about this one; neither where it is part of the last page, or unknown."""
    found = _message(conversation, around)
    after = _after(conversation, found, PAGE) if found else []
    if found is None or len(after) < PAGE:
        return None, None
    before = messages_of(conversation, before=found, limit=PAGE // 2)
    return (before[0] if before else found), after[PAGE // 2 - 1]


def _after(conversation: Conversation, edge: Message, limit: int) -> list[Message]:
    return list(_from(shown_in(conversation), edge).exclude(pk=edge.pk)[:limit])


def _between(conversation: Conversation, first: Message, last: Message | None) -> list[Message]:
    rows = _from(shown_in(conversation), first)
    if last:
        rows = rows.filter(Q(at__lt=last.at) | Q(at=last.at, pk__lte=last.pk))
    return list(rows.select_related("reply_to").prefetch_related("attachments", "statuses"))


def _from(rows: QuerySet[Message], first: Message) -> QuerySet[Message]:
    return rows.filter(Q(at__gt=first.at) | Q(at=first.at, pk__gte=first.pk))


def earlier_of(conversation: Conversation) -> Conversation | None:
    """The contact's conversation before this one on the same line, to look back at."""
    rows = Conversation.objects.filter(contact=conversation.contact_id, channel=conversation.channel, line=conversation.line)
    return rows.filter(created_at__lt=conversation.created_at).order_by("-created_at").first()
