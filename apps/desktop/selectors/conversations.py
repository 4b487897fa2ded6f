"""Lists of conversations, their counts, and search."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.core.exceptions import ValidationError
from django.db.models import Count, F, Min, Q, QuerySet

from apps.desktop.errors import UnknownConversation
from apps.desktop.models import Contact, Conversation, Message

RESOLVED = Q(status=Conversation.Status.RESOLVED)
UNREAD = Q(unread__gt=0)
FILTERS = {"team": "team__slug", "channel": "channel", "tag": "contact__tags__contains", "status": "status"}


def _view(user_id: UUID | str | None, view: str) -> Q:
    return {
        "mine": Q(assignee_id=user_id) & ~RESOLVED,
        "unassigned": Q(assignee_id=None, status=Conversation.Status.OPEN),
        "all": ~RESOLVED,
        "resolved": RESOLVED,
    }[view]


def conversations_list(
    *, user_id: UUID | str | None, view: str, q: str = "", team: str = "", channel: str = "", tag: str = "", status: str = ""
) -> QuerySet[Conversation]:
    """The conversations of a view (mine, unassigned, all, resolved), the latest first, with contact and team.

    `q` looks for words, or their beginnings, in messages and notes, and for the contact's name, phone and e-mail.
    """
    rows = Conversation.objects.filter(_view(user_id, view)).select_related("contact", "team")
    given = {"team": team, "channel": channel, "tag": [tag] if tag else "", "status": status}
    rows = rows.filter(**{FILTERS[name]: value for name, value in given.items() if value})
    if q := q.replace("\x00", " ").strip():
        rows = rows.filter(_matching(q))
    return rows.order_by(F("last_message_at").desc(nulls_last=True), "-id")


def _matching(q: str) -> Q:
    found = Message.objects.annotate(words=SearchVector("text", config="simple")).filter(words=_query(q))
    people = Q(name__icontains=q) | Q(email__icontains=q)
    digits = "".join(char for char in q if char.isdigit())
    if len(digits) >= 3:
        people |= Q(phone__contains=digits) | Q(identities__value__contains=digits)
    contacts = Contact.objects.filter(people).values("pk")
    return Q(pk__in=found.values("conversation_id")) | Q(contact__in=contacts)


def _query(q: str) -> SearchQuery:
    """Every word, each as the beginning of one; quoted, so that nothing in it is taken for an operator."""
    words = (word.replace("\\", "\\\\").replace("'", "''") for word in q.split())
    return SearchQuery(" & ".join(f"'{word}':*" for word in words), config="simple", search_type="raw")


def conversation_counts(user_id: UUID | str) -> dict[str, int]:
    """How many each view holds (mine, unassigned, all, resolved), and `…_unread`: those with unread messages."""
    views = ("mine", "unassigned", "all", "resolved")
    counts: dict[str, Any] = {view: Count("pk", filter=_view(user_id, view)) for view in views}
    counts |= {f"{view}_unread": Count("pk", filter=_view(user_id, view) & UNREAD) for view in views}
    return Conversation.objects.aggregate(**counts)


def conversations_waiting() -> tuple[int, datetime | None]:
    """How many conversations are open and nobody's, and since when the contact who waits the longest has waited."""
    found = Conversation.objects.filter(_view(None, "unassigned")).aggregate(count=Count("pk"), since=Min("waiting_since"))
    return found["count"], found["since"]


def conversation_get(conversation_id: UUID | str) -> Conversation:
    """With contact and team. Raises UnknownConversation, also for what is no id at all."""
    rows = Conversation.objects.select_related("contact", "team")
    try:
        return rows.get(pk=conversation_id)
    except (Conversation.DoesNotExist, ValidationError):
        raise UnknownConversation from None
