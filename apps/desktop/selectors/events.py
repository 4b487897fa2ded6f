"""What happened while a client was away."""

from django.db.models import F, Q

from apps.desktop.models import Conversation, DeskEvent


def event_last_id() -> int:
    """The id of the newest event, 0 when there is none: where a client that reads everything now begins."""
    return DeskEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0


def events_after(last_event_id: int, limit: int = 200) -> list[DeskEvent]:
    """The next `limit` events, oldest first, after any older ones that may have become visible since `last_event_id` was.

    So none is ever missed, and a few may come twice. Whoever gets `limit` newer ones asks again with the last id.
    """
    newer = list(DeskEvent.objects.filter(id__gt=last_event_id)[:limit])
    horizon = DeskEvent.objects.filter(id=last_event_id).values_list("horizon", flat=True).first()
    if horizon is None:
        return newer
    return [*DeskEvent.objects.filter(xid__gte=horizon, id__lt=last_event_id), *newer]


def events_of(conversation: Conversation, limit: int = 200) -> list[DeskEvent]:
    """The last events of a conversation that its page shows between messages, oldest first."""
    shown = ~Q(type__in=("message", "status", "read", "attachment", "reaction", "summary", "note", "contact"))
    return list(reversed(conversation.events.filter(shown).order_by(F("id").desc())[:limit]))
