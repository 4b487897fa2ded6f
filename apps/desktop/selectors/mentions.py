"""Notes that name a colleague."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.desktop.models import Conversation, Mention, Message
from apps.desktop.selectors.people import user_name

EXCERPT = 200


def mention_unseen(mention_id: int) -> Mention | None:
    """A mention that its colleague has not read yet, with its note and conversation."""
    rows = Mention.objects.select_related("message__conversation__contact")
    return rows.filter(pk=mention_id, seen_at=None).first()


def mentions_unseen(user_id: UUID, conversation: Conversation | None = None) -> QuerySet[Mention]:
    """Where this colleague is named and has not read it, the latest first; in one conversation, or in all."""
    rows = Mention.objects.filter(user_id=user_id, seen_at=None).select_related("message__conversation__contact")
    rows = rows.filter(message__conversation=conversation) if conversation else rows
    return rows.order_by("-message__at", "-pk")


def notes_naming(conversations: Iterable[Conversation], user_id: UUID) -> dict[UUID, Message]:
    """The latest note of each conversation that names this colleague, read or not, by the conversation's id."""
    notes = Message.objects.filter(conversation__in=[row.pk for row in conversations], mentions__user_id=user_id)
    rows = notes.order_by("conversation_id", "-at", "-pk").distinct("conversation_id")
    return {row.conversation_id: row for row in rows}


def mention_notice(mention: Mention, conversation_url: str) -> dict[str, str]:
    """What a notification of it says, and where it leads: title, body, and url, the conversation's at the note."""
    note = mention.message
    values = {"name": user_name(note.user_id) or _("A colleague"), "contact": note.conversation.contact}
    title = _("%(name)s mentioned you in a note about %(contact)s") % values
    return {"title": title, "body": note.text[:EXCERPT], "url": f"{conversation_url}?at={note.pk}"}
