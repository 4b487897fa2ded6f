"""Colleagues who are named with @ in a private note are told of it, whatever their presence, until they have read it."""

import re
from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from apps.core.realtime import hint_publish
from apps.core.schema import schema_current
from apps.desktop.events import TOPIC
from apps.desktop.models import Conversation, Mention, Message
from apps.desktop.notifications import mention_notify
from apps.desktop.selectors.mentions import mentions_unseen
from apps.desktop.selectors.people import ColleagueRow, colleagues_all


def mentioned_in(text: str, people: Iterable[ColleagueRow]) -> list[ColleagueRow]:
    """Who is named as @Name, in any case; the longest name first, so that “@Ann Lee” does not mean Ann. Of two namesakes both."""
    people, found = list(people), []
    for name in sorted({person.name for person in people}, key=len, reverse=True):
        pattern = mention_pattern(name)
        if pattern.search(text):
            found += [person for person in people if person.name == name]
            text = pattern.sub(" ", text)
    return found


def mention_pattern(name: str) -> re.Pattern[str]:
    """Where a name stands after an @; an e-mail address is none."""
    return re.compile(rf"(?<![\w.@+-])@{re.escape(name)}(?!\w)", re.IGNORECASE)


def mentions_add(note: Message, conversation: Conversation, user_id: UUID) -> None:
    """In the note's transaction: keeps whom it names beside its author, and has them told."""
    if "@" not in note.text:
        return  # colleagues are not even read
    people = [person for person in mentioned_in(note.text, colleagues_all()) if person.user_id != user_id]
    if not people:
        return
    note.payload = {**note.payload, "mentions": {str(person.user_id): person.name for person in people}}
    note.save(update_fields=["payload"])
    for person in people:
        mention = Mention.objects.create(message=note, user_id=person.user_id)
        mention_notify(conversation=conversation, mention=mention, person=person)


def mentions_seen(conversation: Conversation, user_id: UUID, last: UUID | None = None) -> None:
    """This person has read the conversation's notes, all or those until the message `last`; their lists count anew."""
    rows = mentions_unseen(user_id, conversation)
    rows = rows.filter(message__at__lte=conversation.messages.filter(pk=last).values("at")) if last else rows
    if rows.update(seen_at=timezone.now()):
        hint_publish(schema_current(), TOPIC, "read", str(conversation.pk), conversation.version)
