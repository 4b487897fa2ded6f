"""One conversation: what was said, who holds it, and who the contact is."""

import json
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.compass.selectors import agent_names
from apps.desktop.channels import file_limits
from apps.desktop.errors import UnknownConversation
from apps.desktop.forms import OUTCOMES, REACTIONS, ContactForm, SnoozeForm
from apps.desktop.models import Conversation, DeskEvent, Message
from apps.desktop.selectors import (
    colleagues_all,
    conversation_get,
    conversation_joined_into,
    event_last_id,
    events_of,
    tags_all,
    teams_all,
    timeline_of,
)
from apps.desktop.selectors.mentions import mentions_unseen
from apps.desktop.selectors_pages import Stretch, channel_name, earlier_of, stretch_of
from apps.desktop.views.listing import list_context, page_context
from apps.desktop.views.rights import desk_required, person, rights
from apps.desktop.views.thread import Line, first_unread, lines_of, names_for

TIMELINE = 12
WORKDAY = time(9)


@require_GET
@desk_required
def conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The whole page, or only the conversation when htmx asks for it."""
    if into := conversation_joined_into(conversation_id):
        return _moved(request, into)
    found = conversation_or_404(conversation_id)
    context = conversation_context(request, found)
    if _wants_part(request):
        return render(request, "desktop/conversation.html", context)
    context |= {**page_context(request), **list_context(request, opened=str(found.pk))}
    return render(request, "desktop/page.html", context)


def _moved(request: HttpRequest, into: UUID) -> HttpResponse:
    """It is part of another conversation: whoever has it open is taken there, to the same message and beside the same list."""
    here = request.htmx.current_url_abs_path or ""  # type: ignore[attr-defined]
    query = urlsplit(here).query if here.startswith(request.path) else request.META["QUERY_STRING"]
    href = reverse("conversation", args=[into]) + (f"?{query}" if query else "")
    return HttpResponse(headers={"HX-Redirect": href}) if _wants_part(request) else redirect(href)


def _wants_part(request: HttpRequest) -> bool:
    """Going back in the history asks for the page."""
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def conversation_or_404(conversation_id: UUID) -> Conversation:
    try:
        return conversation_get(conversation_id)
    except UnknownConversation as error:
        raise Http404(str(error)) from error


def conversation_context(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    """The last event is read first: what happens meanwhile is fetched again."""
    last_event = event_last_id()
    at = id_given(request, "at")
    stretch = stretch_of(conversation, id_given(request, "from"), id_given(request, "to"), around=at)
    new = id_given(request, "new") or (None if stretch.newer else first_unread(stretch.messages, conversation.unread))
    people = colleagues_all()
    return {
        "conversation": conversation,
        "contact": conversation.contact,
        "channel": channel_name(conversation.channel),
        "holder": next((person for person in people if person.user_id == conversation.assignee_id), None),
        "agent_name": _agent_name(conversation),
        "mood": mood_of(conversation.sentiment),
        "file_limits": json.dumps(dict(file_limits(conversation.channel))),
        "lines": _lines(request, conversation, stretch, new),
        "again": _again(stretch, new),
        "new": new,
        "at": at,
        "stretch": stretch,
        "earlier": None if stretch.older else earlier_of(conversation),
        "last_event": last_event,
        "to_read": _to_read(request, conversation, stretch),
        **_choices(request, conversation, people),
        **_window(conversation),
        **rights(request, conversation),
        **contact_context(conversation),
    }


def _again(stretch: Stretch, new: UUID | None) -> str:
    """The query with which a fragment fetches itself again."""
    asked = {"from": stretch.start, "to": stretch.end, "new": new}
    return urlencode({name: value for name, value in asked.items() if value})


def _to_read(request: HttpRequest, conversation: Conversation, stretch: Stretch) -> bool:
    """Whether something on the page is new to this person; what the contact wrote counts once all of it is there."""
    named = mentions_unseen(person(request), conversation)
    if stretch.newer:
        return named.filter(message__at__lte=stretch.messages[-1].at).exists()
    return bool(conversation.unread) or named.exists()


def mood_of(sentiment: float | None) -> str:
    """A sentiment of -1 to 1 in a word; nothing where there is none."""
    if sentiment is None:
        return ""
    return "negative" if sentiment < -0.2 else "positive" if sentiment > 0.2 else "neutral"


def id_given(request: HttpRequest, name: str) -> UUID | None:
    """An id of the address: what a fragment that fetches itself again has to show as before."""
    try:
        return UUID(request.GET[name])
    except (KeyError, ValueError):
        return None


def _agent_name(conversation: Conversation) -> str:
    agent_id = conversation.agent_id
    return agent_names([agent_id]).get(agent_id, "") if agent_id else ""


def _lines(request: HttpRequest, conversation: Conversation, stretch: Stretch, new: UUID | None) -> list[Line]:
    events = events_of(conversation)
    if stretch.older:
        events = [event for event in events if event.at >= stretch.messages[0].at]
    if stretch.newer:
        events = [event for event in events if event.at <= stretch.messages[-1].at]
    names = names_for(conversation, _named(stretch, events), agent=_agent_name(conversation), me=person(request))
    zone = request.tenant.timezone  # type: ignore[attr-defined]
    return lines_of(stretch.messages, events, names, zone=zone, first_unread=new)


def _named(stretch: Stretch, events: list[DeskEvent]) -> Iterator[UUID | str | None]:
    """Every colleague who is named somewhere in the thread."""
    for message in stretch.messages:
        yield message.user_id
        yield from message.reactions.keys() - {"contact", "ai", Message.APP}
    for event in events:
        yield event.user_id
        yield event.detail.get("assignee")


def _choices(request: HttpRequest, conversation: Conversation, people: list[Any]) -> dict[str, Any]:
    zone = ZoneInfo(request.tenant.timezone)  # type: ignore[attr-defined]
    return {
        "reactions": REACTIONS,
        "people": [person for person in people if person.user_id != conversation.assignee_id],
        "teams": [team for team in teams_all() if team.pk != conversation.team_id],
        "outcomes": OUTCOMES,
        "snoozes": snooze_choices(timezone.now().astimezone(zone)),
        "snooze_form": SnoozeForm(auto_id="snooze-%s"),
        "zone": zone.key,
    }


def snooze_choices(now: datetime) -> list[tuple[str, datetime]]:
    """Times that people choose again and again; `now` is in their company's zone."""
    tomorrow = datetime.combine(now.date() + timedelta(days=1), WORKDAY, now.tzinfo)
    monday = datetime.combine(now.date() + timedelta(days=7 - now.weekday()), WORKDAY, now.tzinfo)
    choices = [(_("In an hour"), now + timedelta(hours=1)), (_("In three hours"), now + timedelta(hours=3))]
    return [*choices, (_("Tomorrow morning"), tomorrow), (_("Monday morning"), monday)]


def _window(conversation: Conversation) -> dict[str, Any]:
    """Whether free text may be sent (WhatsApp's customer service window of 24 h), and whether it soon may not."""
    until = conversation.window_until
    left = until - timezone.now() if until else timedelta()
    return {"window_open": left > timedelta(), "window_short": timedelta() < left < timedelta(hours=2)}


def contact_context(conversation: Conversation) -> dict[str, Any]:
    """What the panel beside the conversation shows."""
    contact = conversation.contact
    written = "\n".join(f"{name}: {text}" for name, text in contact.fields.items())
    initial = {"name": contact.name, "email": contact.email, "fields_text": written}
    return {
        "timeline": timeline_of(contact)[:TIMELINE],
        "contact_form": ContactForm(initial=initial, auto_id="contact-%s"),
        "all_tags": [tag for tag in tags_all() if tag not in contact.tags],
    }
