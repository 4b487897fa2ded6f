"""Lists of conversations, their counts, and search."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.core.exceptions import ValidationError
from django.db.models import Case, Count, DateTimeField, ExpressionWrapper, F, Min, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from apps.desktop.errors import UnknownConversation
from apps.desktop.models import Contact, Conversation, JoinedConversation, Mention, Message

RESOLVED = Q(status=Conversation.Status.RESOLVED)
UNREAD = Q(unread__gt=0)
FILTERS = {
    "team": "team__slug",
    "channel": "channel",
    "tag": "contact__tags__contains",
    "status": "status",
    "assignee": "assignee_id",
}
NEWEST = (F("last_message_at").desc(nulls_last=True), F("id").desc())
# Somebody waits for a person only where one may answer now: not for what is snoozed, nor while the AI agent is about to.
WAITS = Case(When(status=Conversation.Status.OPEN, then="waiting_since"))
SORTS = {"newest": NEWEST, "waiting": (WAITS.asc(nulls_last=True), *NEWEST)}
# The same orders by a moment that is never missing, where pages are cut: whoever waits for nobody follows after the year
# 2200, the latest first.
FAR = Value(datetime(2200, 1, 1, tzinfo=UTC))
ACTIVE = Coalesce("last_message_at", "created_at")
MOMENTS = {"newest": ACTIVE, "waiting": Coalesce(WAITS, ExpressionWrapper(FAR + (FAR - ACTIVE), DateTimeField()))}
USUAL = {"unassigned": "waiting"}  # what is picked up from begins with who has waited the longest


def _view(user_id: UUID | str | None, view: str) -> Q:
    return {
        "mine": Q(assignee_id=user_id) & ~RESOLVED,
        "unassigned": Q(assignee_id=None, status=Conversation.Status.OPEN),
        "all": ~RESOLVED,
        "resolved": RESOLVED,
    }[view]


def sort_of(view: str, sorts: Mapping[str, str]) -> str:
    """The order of a view for a person who chose `sorts` (view to order): newest, or waiting."""
    return sorts.get(view) or USUAL.get(view, "newest")


def conversations_list(
    *,
    user_id: UUID | str | None,
    view: str,
    q: str = "",
    team: str = "",
    channel: str = "",
    tag: str = "",
    status: str = "",
    assignee: str = "",
    mentioned: bool = False,
    sort: str = "newest",
) -> QuerySet[Conversation]:
    """The conversations of a view (mine, unassigned, all, resolved), with contact and team.

    The latest first, or (`sort` waiting) who has waited the longest for a person first. `q` looks for words, or their
    beginnings, in messages and notes, and for the contact's name, phone and e-mail. `mentioned`: where a note names this person,
    resolved ones among them, whatever the view.
    """
    named = Mention.objects.filter(user_id=user_id or UUID(int=0)).values("message__conversation")
    within = Q(pk__in=named) if mentioned else _view(user_id, view)
    rows = Conversation.objects.filter(within).select_related("contact", "team")
    given = {"team": team, "channel": channel, "tag": [tag] if tag else "", "status": status, "assignee": assignee}
    rows = rows.filter(**{FILTERS[name]: value for name, value in given.items() if value})
    if q := q.replace("\x00", " ").strip():
        rows = rows.filter(_matching(q))
    return rows.order_by(*SORTS[sort])


def conversations_placed(rows: QuerySet[Conversation], sort: str) -> QuerySet[Conversation]:
    """With `place`, a time by which they stand in the order `sort`: newest latest first, waiting earliest first."""
    return rows.annotate(place=MOMENTS[sort])


def _matching(q: str) -> Q:
    found = Message.objects.annotate(words=SearchVector("text", config="simple")).filter(words=_query(q))
    contacts = Contact.objects.filter(people_matching(q)).values("pk")
    return Q(pk__in=found.values("conversation_id")) | Q(contact__in=contacts)


def messages_matching(conversations: Iterable[Conversation], q: str) -> dict[UUID, Message]:
    """The latest message of each conversation that has all the words of `q`, by the conversation's id."""
    said = Message.objects.annotate(words=SearchVector("text", config="simple")).filter(words=_query(q))
    rows = said.filter(conversation__in=[row.pk for row in conversations]).order_by("conversation_id", "-at", "-pk")
    return {row.conversation_id: row for row in rows.distinct("conversation_id")}


def people_matching(q: str) -> Q:
    """Contacts by a part of their name or e-mail, or of a number of theirs (three digits at least)."""
    people = Q(name__icontains=q) | Q(email__icontains=q)
    digits = "".join(char for char in q if char.isdigit())
    if len(digits) >= 3:
        people |= Q(phone__contains=digits) | Q(identities__value__contains=digits)
    return people


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


def conversation_joined_into(conversation_id: UUID) -> UUID | None:
    """The conversation that this one is part of since their contacts were merged; None for one that never was."""
    return JoinedConversation.objects.filter(pk=conversation_id).values_list("into_id", flat=True).first()
