"""A person's own presence and how they want to be told; and what a notification says."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from apps.core.payloads import json_read
from apps.desktop.errors import BadSubscription
from apps.desktop.forms import PreferencesForm, PresenceForm, PushForm, SortForm
from apps.desktop.kinds import last_words
from apps.desktop.selectors.mentions import mention_notice, mentions_unseen
from apps.desktop.services.team import colleague_set, colleague_sort_set, push_subscribe, push_unsubscribe
from apps.desktop.views.answers import done, errors_of, told
from apps.desktop.views.conversation import conversation_or_404
from apps.desktop.views.rights import desk_required, person

SAYINGS = {
    "available": gettext_lazy("You are available: new conversations are offered to you."),
    "busy": gettext_lazy("You are busy: nothing new is offered to you."),
    "away": gettext_lazy("You are away: nothing new is offered to you."),
}


@require_POST
@desk_required
@told
def presence_set(request: HttpRequest) -> HttpResponse:
    form = PresenceForm(request.POST)
    if not form.is_valid():
        return done(request, _("Choose available, busy or away."), status=422)
    colleague_set(user_id=person(request), **form.cleaned_data)
    return done(request, str(SAYINGS[form.cleaned_data["presence"]]))


@require_POST
@desk_required
@told
def preferences_set(request: HttpRequest) -> HttpResponse:
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return done(request, errors_of(form), status=422)
    colleague_set(user_id=person(request), **form.cleaned_data)
    return done(request, _("Saved."))


@require_POST
@desk_required
@told
def sort_set(request: HttpRequest) -> HttpResponse:
    """In which order a view of the list is shown, for this person, wherever they log in."""
    form = SortForm(request.POST)
    if not form.is_valid():
        return done(request, _("Choose one of the orders offered."), status=422)
    colleague_sort_set(user_id=person(request), **form.cleaned_data)
    return done(request)


@require_POST
@desk_required
@told
def push_set(request: HttpRequest) -> HttpResponse:
    """Body: PushSubscription.toJSON() of the browser, with `"off": true` to end it."""
    given = _json(request)
    keys = given.get("keys")
    if given.get("off"):
        push_unsubscribe(user_id=person(request), endpoint=str(given.get("endpoint", "")))
        return HttpResponse(status=204)
    form = PushForm({**(keys if isinstance(keys, dict) else {}), "endpoint": given.get("endpoint")})
    if not form.is_valid():
        raise BadSubscription
    push_subscribe(user_id=person(request), **form.cleaned_data)
    return HttpResponse(status=204)


def _json(request: HttpRequest) -> dict[str, object]:
    try:
        given = json_read(request.body)
    except ValueError:
        raise BadSubscription from None
    if not isinstance(given, dict):
        raise BadSubscription
    return given


@require_GET
@desk_required
def notice(request: HttpRequest, conversation_id: UUID) -> JsonResponse:
    """What a notification of this conversation says: {title, body, url}."""
    conversation = conversation_or_404(conversation_id)
    url = reverse("conversation", args=[conversation.pk])
    mention = mentions_unseen(person(request), conversation).first()
    if mention is not None:
        return JsonResponse(mention_notice(mention, url))
    mine = conversation.assignee_id == person(request)
    title = _("%(name)s is yours") if mine else _("%(name)s waits for an answer")
    body = conversation.handoff_reason or last_words(conversation.last_message_text)
    return JsonResponse({"title": title % {"name": conversation.contact}, "body": body, "url": url})
