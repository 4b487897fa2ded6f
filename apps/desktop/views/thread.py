"""A conversation as it is read: messages, what happened between them, and where a new day begins."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.desktop.kinds import kind_name
from apps.desktop.models import Attachment, Conversation, DeskEvent, Message
from apps.desktop.selectors.people import teams_all, user_names
from apps.desktop.views.content import Content, content_of
from apps.desktop.views.words import sentence_of

TOGETHER = timedelta(minutes=5)  # messages of one author within it stand under one name


@dataclass(frozen=True)
class Quote:
    """The message that another one answers."""

    id: str
    author: str
    text: str


@dataclass(frozen=True)
class Line:
    """One line of the thread: a message, a day break (`day`), or what happened (`words`)."""

    id: str
    at: datetime
    message: Message | None = None
    content: Content | None = None
    author: str = ""
    side: str = ""
    follows: bool = False
    quote: Quote | None = None
    attachments: tuple[Attachment, ...] = ()
    reactions: tuple[tuple[str, str], ...] = ()
    reacted: str = ""
    words: str = ""
    icon: str = ""
    day: date | None = None
    is_first_unread: bool = False

    @property
    def file_kind(self) -> str:
        """As what its file is shown: a template says what its heading is."""
        if self.message is None:
            return ""
        return str(self.message.payload.get("heading") or "document") if self.message.kind == "template" else self.message.kind


@dataclass(frozen=True)
class Names:
    """Who is called what in this conversation."""

    people: dict[str, str]
    contact: str
    agent: str
    me: UUID
    teams: dict[str, str]

    def of(self, user_id: UUID | str | None) -> str:
        """A colleague; the reader is `You`."""
        if str(user_id) == str(self.me):
            return _("You")
        return self.people.get(str(user_id)) or _("A colleague")

    def team(self, slug: str | None) -> str:
        """A team as people call it; nobody's in particular is everybody's. One that is gone keeps its short name."""
        return self.teams.get(slug, slug) if slug else _("everybody")

    def author(self, message: Message) -> str:
        if message.author == Message.Author.CONTACT:
            return self.contact
        if message.author == Message.Author.AI:
            return self.agent
        if message.author != Message.Author.PERSON:
            return "Meridian"
        return self.of(message.user_id) if message.user_id else _("WhatsApp Business app")


def names_for(conversation: Conversation, ids: Iterable[UUID | str | None], *, agent: str, me: UUID) -> Names:
    """Reads the names of colleagues and teams once for the whole thread."""
    teams = dict(teams_all().values_list("slug", "name"))
    return Names(user_names(ids), str(conversation.contact), agent or _("AI agent"), me, teams)


def lines_of(
    messages: list[Message], events: list[DeskEvent], names: Names, *, zone: str, first_unread: UUID | None
) -> list[Line]:
    """Oldest first; `first_unread` is the message above which reading goes on."""
    said = [_message_line(message, names, message.pk == first_unread) for message in messages]
    happened = [line for event in events if (line := _event_line(event, names, _beginning(event, messages)))]
    lines = sorted([*happened, *said], key=lambda line: line.at)
    return list(_with_days(_joined(lines), ZoneInfo(zone)))


def first_unread(messages: list[Message], unread: int) -> UUID | None:
    """The first of the contact's last `unread` messages, where it is among these."""
    theirs = [message.pk for message in messages if message.author == Message.Author.CONTACT]
    return theirs[-unread] if 0 < unread <= len(theirs) else None


def _message_line(message: Message, names: Names, is_first_unread: bool) -> Line:
    return Line(
        id=f"message-{message.pk}",
        at=message.at,
        message=message,
        content=content_of(message),
        author=names.author(message),
        side=_side(message),
        quote=_quote(message, names),
        attachments=tuple(message.attachments.all()),
        reactions=tuple((emoji, _reactor(who, names)) for who, emoji in message.reactions.items() if emoji),
        reacted=next((emoji for who, emoji in message.reactions.items() if who != "contact"), ""),
        is_first_unread=is_first_unread,
    )


def _side(message: Message) -> str:
    if message.private:
        return "note"
    return {"contact": "theirs", "system": "system"}.get(message.author, "ours")


def _quote(message: Message, names: Names) -> Quote | None:
    answered = message.reply_to
    if answered is None:
        return None
    return Quote(f"message-{answered.pk}", names.author(answered), answered.text or kind_name(answered.kind))


def _reactor(who: str, names: Names) -> str:
    known = {"contact": names.contact, "ai": names.agent, Message.APP: _("WhatsApp Business app")}
    return known.get(who) or names.of(who)


def _event_line(event: DeskEvent, names: Names, at: datetime) -> Line | None:
    said = sentence_of(event, names.of, names.team)
    return Line(id=f"event-{event.pk}", at=at, words=said[1], icon=said[0]) if said else None


def _beginning(event: DeskEvent, messages: list[Message]) -> datetime:
    """When an event stands in the thread: a conversation begins before the message that began it, which has whole seconds."""
    begun = event.type == "opened" and messages and messages[0].author == Message.Author.CONTACT
    first = messages[0].at if begun else event.at
    return first if timedelta() < event.at - first < TOGETHER else event.at


def _joined(lines: list[Line]) -> Iterator[Line]:
    """Marks messages that follow one of the same author closely."""
    before: Line | None = None
    for line in lines:
        close = before is not None and before.author == line.author and before.side == line.side
        follows = bool(close and line.message and before and line.at - before.at < TOGETHER and not line.is_first_unread)
        yield Line(**{**line.__dict__, "follows": follows})
        before = line if line.message else None


def _with_days(lines: Iterable[Line], zone: tzinfo) -> Iterator[Line]:
    day: date | None = None
    for line in lines:
        its = line.at.astimezone(zone).date()
        if its != day:
            yield Line(id=f"day-{its.isoformat()}", at=line.at, day=its, words=day_name(its, zone))
            line = Line(**{**line.__dict__, "follows": False})
        day = its
        yield line


def day_name(day: date, zone: tzinfo) -> str:
    """Today, Yesterday, or the date."""
    past = (timezone.now().astimezone(zone).date() - day).days
    return {0: _("Today"), 1: _("Yesterday")}.get(past) or date_format(day, "l, j F Y")
