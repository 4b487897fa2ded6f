"""The desktop's list: views with their counts, filters and search, all in the address."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.desktop.forms import SORTS, VIEWS, DeskFilterForm
from apps.desktop.kinds import last_words
from apps.desktop.models import Conversation, Message
from apps.desktop.selectors import (
    ColleagueRow,
    canned_all,
    colleagues_all,
    conversation_counts,
    conversations_list,
    event_last_id,
    sort_of,
    tags_all,
    teams_all,
    user_names,
)
from apps.desktop.selectors.conversations import messages_matching
from apps.desktop.selectors.histories import last_speakers
from apps.desktop.selectors.mentions import mentions_unseen, notes_naming
from apps.desktop.selectors_pages import channels_used
from apps.desktop.services.conversations.bulk import MOST as MOST_SELECTED
from apps.desktop.views.phrases import script_words
from apps.desktop.views.rights import desk_required, person

STEP = 40
MOST = 400
BEFORE, SHOWN = 12, 120  # characters of a message that was found: before the word, and in all
OPEN = re.compile(r"^/desktop/([0-9a-f-]{36})/")


@dataclass(frozen=True)
class Row:
    """A conversation in the list. `found` is what was searched for, or the note that names the reader; `query` leads to it,
    and keeps the list as it is.
    """

    conversation: Conversation
    assignee: str
    is_mine: bool
    speaker: str = ""
    found: str = ""
    query: str = ""

    @property
    def href(self) -> str:
        return f"{reverse('conversation', args=[self.conversation.pk])}?{self.query}"

    @property
    def text(self) -> str:
        """What was found in it, else the last line; a message without words is called by its kind."""
        if self.found:
            return self.found
        return last_words(self.conversation.last_message_text)


@dataclass(frozen=True)
class Tab:
    """A view with how many it holds and how many of them have something unread."""

    key: str
    label: str
    query: str
    count: int
    unread: int
    chosen: bool


@require_GET
@desk_required
def desktop(request: HttpRequest) -> HttpResponse:
    """The page with nothing open."""
    return render(request, "desktop/page.html", {**page_context(request), **list_context(request)})


@require_GET
@desk_required
def desk_list(request: HttpRequest) -> HttpResponse:
    """Only the list. The address bar keeps the open conversation and gets the filters."""
    context = list_context(request, opened=open_in_address(request))
    answer = render(request, "desktop/list.html", context)
    if not request.headers.get("HX-Source", "").startswith("section"):  # a person asked, not the list itself
        answer["HX-Replace-Url"] = _address(request, context["form"].values)
    return answer


def page_context(request: HttpRequest) -> dict[str, Any]:
    """What the page needs beside list and conversation."""
    canned = [{"shortcut": row.shortcut, "title": row.title, "text": row.text} for row in canned_all()]
    return {
        "section": "desktop",
        "canned": canned,
        "colleagues": [one.name for one in colleagues_all() if one.user_id != person(request)],
        "push_key": settings.WEBPUSH_PUBLIC_KEY,
        "words": script_words(),
    }


def list_context(request: HttpRequest, *, opened: str = "") -> dict[str, Any]:
    """The list as the address asks for it. The last event is read first: what happens meanwhile is fetched again."""
    last_event = event_last_id()
    people = colleagues_all()
    me = next((one for one in people if one.user_id == person(request)), None)
    form = _form(request, people)
    values = form.values
    sort = sort_of(values["view"], me.sorts if me else {})
    found = conversations_list(user_id=person(request), sort=sort, **values)
    limit = _limit(request)
    rows = list(found[: limit + 1])
    tabs = _tabs(request, values)
    return {
        "form": form,
        "me": me,
        "view": values["view"],
        "sort": sort,
        "sorts": SORTS,
        "tabs": tabs,
        "mentions": mentions_unseen(person(request)).values("message__conversation").distinct().count(),
        "nobody_wrote": not any(tab.count for tab in tabs),
        "rows": _rows(rows[:limit], person(request), values),
        "more": limit + STEP if len(rows) > limit else 0,
        "query": _query(values),
        "bulk_most": MOST_SELECTED,
        "opened": opened,
        "last_event": last_event,
    }


def _form(request: HttpRequest, people: Iterable[ColleagueRow]) -> DeskFilterForm:
    return DeskFilterForm(
        request.GET,
        people=[(str(one.user_id), one.name) for one in people],
        teams=teams_all().values_list("slug", "name"),
        channels=channels_used(),
        tags=tags_all(),
    )


def _limit(request: HttpRequest) -> int:
    try:
        return max(STEP, min(MOST, int(request.GET.get("limit", STEP))))
    except ValueError:
        return STEP


def _rows(found: list[Conversation], me: UUID, values: dict[str, Any]) -> list[Row]:
    q = str(values.get("q", "")).replace("\x00", " ").strip()
    naming = notes_naming(found, me) if values.get("mentioned") else {}
    matching = {**naming, **(messages_matching(found, q) if q else {})}
    spoke = {**last_speakers(found), **matching}
    texts = {pk: words_around(message.text, q) for pk, message in matching.items()}
    names = user_names([*(row.assignee_id for row in found), *(message.user_id for message in spoke.values())])
    return [
        Row(
            row,
            names.get(str(row.assignee_id), ""),
            row.assignee_id == me,
            _speaker(spoke.get(row.pk), me, names),
            texts.get(row.pk, ""),
            _query(values, at=matching[row.pk].pk if row.pk in matching else None),
        )
        for row in found
    ]


def words_around(text: str, q: str) -> str:
    """The part of a text in which one of the words of `q` first begins, in one line."""
    line = " ".join(text.split())
    places = [found.start() for word in q.split() if (found := re.search(rf"\b{re.escape(word)}", line, re.IGNORECASE))]
    start = max(0, min(places, default=0) - BEFORE)
    start = line.rfind(" ", 0, start) + 1 if start else 0
    return ("… " if start else "") + line[start : start + SHOWN]


def _speaker(message: Message | None, me: UUID, names: dict[str, str]) -> str:
    """Who said the last line, where it was one of the company."""
    if message is None or message.author in (Message.Author.CONTACT, Message.Author.SYSTEM):
        return ""
    if message.author == Message.Author.AI:
        return _("AI")
    if message.user_id is None:
        return _("Business app")
    return _("You") if message.user_id == me else names.get(str(message.user_id), "").partition(" ")[0]


def _tabs(request: HttpRequest, values: dict[str, Any]) -> list[Tab]:
    """Where one is mentioned is a list across all of them: none is chosen there, and each of them leads away from it."""
    counts = conversation_counts(person(request))
    kept = {name: value for name, value in values.items() if name != "mentioned"}
    chosen = values["view"] if kept == values else ""
    return [
        Tab(key, str(label), _query({**kept, "view": key}), counts[key], counts[f"{key}_unread"], key == chosen)
        for key, label in VIEWS
    ]


def _query(values: dict[str, Any], *, at: UUID | str | None = None) -> str:
    """The list as it is, and the message to open a conversation at."""
    query = QueryDict(mutable=True)
    query.update(values)
    if at:
        query["at"] = str(at)
    return query.urlencode()


def open_in_address(request: HttpRequest) -> str:
    """The id of the conversation that the page asking has open, or nothing."""
    match = OPEN.match(request.htmx.current_url_abs_path or "")  # type: ignore[attr-defined]
    return match[1] if match else ""


def _address(request: HttpRequest, values: dict[str, Any]) -> str:
    """The list is another one; a conversation that is open stays at the message at which it was opened."""
    opened = open_in_address(request)
    if not opened:
        return f"/desktop/?{_query(values)}"
    at = QueryDict(urlsplit(request.htmx.current_url_abs_path).query).get("at")  # type: ignore[attr-defined]
    return f"/desktop/{opened}/?{_query(values, at=at)}"
