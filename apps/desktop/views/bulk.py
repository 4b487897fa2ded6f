"""Several conversations of the list at once: what is chosen for them, and one toast that says what became of each."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from apps.desktop.errors import BadTime, DeskError, NotColleague, UnknownConversation
from apps.desktop.forms import OUTCOMES, SnoozeForm
from apps.desktop.selectors import colleagues_all, teams_all, user_name
from apps.desktop.services.conversations.bulk import (
    ACTIONS,
    MOST,
    BulkResult,
    conversations_bulk,
    conversations_bulk_undo,
)
from apps.desktop.services.rules import team_by_slug
from apps.desktop.views.answers import done, told
from apps.desktop.views.conversation import snooze_choices
from apps.desktop.views.rights import desk_required, person

UUID_BYTES = 16


class BadChoice(DeskError):
    """What was selected cannot be read, or is too much."""

    code = "bad_choice"
    status = 422


@require_http_methods(["GET", "POST"])
@desk_required
@told
def bulk(request: HttpRequest, action: str) -> HttpResponse:
    """GET is what there is to choose, for a dialog; POST does it with the conversations in `ids`."""
    if action not in ACTIONS:
        raise Http404
    if request.method == "GET":
        return render(request, "desktop/bulk_form.html", {"action": action, "post": request.path, **_choices(request, action)})
    ids = _ids(request.POST.get("ids", ""))
    given, words, at = _given(request, action)
    results = conversations_bulk(action=action, conversation_ids=ids, user_id=person(request), **given)
    return done(request, _summary(words, results), undo=_undo(action, results), at=at)


@require_POST
@desk_required
@told
def bulk_undo(request: HttpRequest, action: str) -> HttpResponse:
    """Takes back what this person did with those in `ids`."""
    if action not in ACTIONS:
        raise Http404
    results = conversations_bulk_undo(
        action=action, conversation_ids=_unpacked(request.GET.get("ids", "")), user_id=person(request)
    )  # fmt: skip
    return done(request, _summary(_("%(count)s back as before"), results))


def _choices(request: HttpRequest, action: str) -> dict[str, Any]:
    if action == "assign":
        return {"people": colleagues_all()}
    if action == "team":
        return {"teams": teams_all()}
    if action == "snooze":
        zone = ZoneInfo(request.tenant.timezone)  # type: ignore[attr-defined]
        return {"snoozes": snooze_choices(timezone.now().astimezone(zone))}
    return {"outcomes": OUTCOMES}


def _given(request: HttpRequest, action: str) -> tuple[dict[str, Any], str, datetime | None]:
    """What was chosen, the words for what is done, and the time in them. Raises DeskError."""
    if action == "assign":
        assignee = _uuid(request.POST.get("assignee", ""))
        return {"assignee_id": assignee}, _("%%(count)s assigned to %(name)s") % {"name": user_name(assignee)}, None
    if action == "team":
        team = team_by_slug(request.POST.get("team", ""))
        named = {"team": team.name if team else _("everybody")}
        return {"team_slug": team.slug if team else ""}, _("%%(count)s handed to %(team)s") % named, None
    if action == "snooze":
        until = SnoozeForm(request.POST).until_at
        if until is None:
            raise BadTime
        return {"until": until}, _("%(count)s snoozed until {at}"), until
    if action == "resolve":
        return {"outcome": request.POST.get("outcome", "").strip()}, _("%(count)s resolved"), None
    return {}, _("%(count)s open again"), None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotColleague from None


def _ids(text: str) -> list[UUID]:
    try:
        ids = [UUID(part) for part in text.split(",") if part]
    except ValueError:
        raise UnknownConversation from None
    if not ids:
        raise BadChoice(_("Select conversations first."))
    return _few(ids)


def _few(ids: list[UUID]) -> list[UUID]:
    """Raises BadChoice where they are too many."""
    if len(ids) > MOST:
        raise BadChoice(_("At most %(most)s conversations at once. Select fewer.") % {"most": MOST})
    return ids


def _summary(words: str, results: Sequence[BulkResult]) -> str:
    """“7 resolved, 1 not: claimed by Bob.”"""
    refused = [result for result in results if not result.done]
    said = words.replace("%(count)s", str(len(results) - len(refused)))
    if not refused:
        return f"{said}."
    reasons = Counter(_reason(result) for result in refused)
    why = next(iter(reasons)) if len(reasons) == 1 else "; ".join(f"{count} {reason}" for reason, count in reasons.items())
    rest = ngettext("%(count)s not", "%(count)s not", len(refused)) % {"count": len(refused)}
    return f"{said}, {rest}: {why}."


def _reason(result: BulkResult) -> str:
    if result.holder:
        return _("claimed by %(name)s") % {"name": result.holder}
    known = {
        "resolved": _("resolved already"),
        "at_capacity": _("you hold as many as you set"),
        "newer_conversation": _("a newer conversation with the contact is open"),
        "changed_since": _("others have gone on with it"),
        "unknown_conversation": _("not there any more"),
    }
    return known.get(result.code) or result.detail.rstrip(".")


def _undo(action: str, results: Sequence[BulkResult]) -> str:
    """Where undoing posts to; nothing where nothing changed."""
    changed = [result.conversation_id for result in results if result.changed]
    if not changed:
        return ""
    return f"{reverse('desktop-bulk-undo', args=[action])}?{urlencode({'ids': _packed(changed)})}"


def _packed(ids: Sequence[UUID]) -> str:
    """A hundred of them still fit in a header."""
    return urlsafe_b64encode(b"".join(pk.bytes for pk in ids)).decode().rstrip("=")


def _unpacked(text: str) -> list[UUID]:
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        ids = [UUID(bytes=raw[at : at + UUID_BYTES]) for at in range(0, len(raw), UUID_BYTES)]
    except ValueError:
        raise UnknownConversation from None
    return _few(ids)
