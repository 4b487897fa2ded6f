"""What is done with a conversation. Each action answers with a toast, most with a way back."""

from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.desktop.errors import BadTime, NotColleague
from apps.desktop.forms import SnoozeForm
from apps.desktop.models import Conversation
from apps.desktop.selectors import user_name
from apps.desktop.services.conversations import (
    conversation_assign,
    conversation_claim,
    conversation_read,
    conversation_release,
    conversation_reopen,
    conversation_resolve,
    conversation_resolve_undo,
    conversation_snooze,
    conversation_to_ai,
    conversation_to_team,
    conversation_undo,
)
from apps.desktop.services.conversations.undoing import ASSIGNED, REOPENED, SNOOZED, TO_TEAM
from apps.desktop.views.answers import done, told
from apps.desktop.views.conversation import conversation_or_404, id_given
from apps.desktop.views.listing import open_in_address
from apps.desktop.views.rights import desk_required, person


def _given(request: HttpRequest, name: str) -> str:
    """From the form, or from the address, where an undo button keeps it."""
    return request.POST.get(name, request.GET.get(name, ""))


def _to(name: str, conversation: Conversation, **values: str) -> str:
    query = f"?{urlencode(values)}" if values else ""
    return reverse(name, args=[conversation.pk]) + query


@require_POST
@desk_required
@told
def claim(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    before = conversation_or_404(conversation_id).status
    conversation = conversation_claim(conversation_id=conversation_id, user_id=person(request))
    taken = before == Conversation.Status.PENDING
    text = _("You took over from the AI agent.") if taken else _("The conversation is yours.")
    return done(request, text, undo=_to("conversation-to-ai" if taken else "conversation-release", conversation))


@require_POST
@desk_required
@told
def release(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    conversation = conversation_release(conversation_id=conversation_id, user_id=person(request))
    return done(request, _("Given back to the team."), undo=_to("conversation-claim", conversation))


@require_POST
@desk_required
@told
def assign(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`undo=1` takes back what this person has just done."""
    conversation_or_404(conversation_id)
    if _given(request, "undo"):
        return _undone(request, conversation_id, ASSIGNED)
    assignee = _uuid(_given(request, "assignee"))
    conversation = conversation_assign(conversation_id=conversation_id, user_id=person(request), assignee_id=assignee)
    undo = _to("conversation-assign", conversation, undo="1")
    return done(request, _("Assigned to %(name)s.") % {"name": user_name(assignee)}, undo=undo)


def _undone(request: HttpRequest, conversation_id: UUID, act: str) -> HttpResponse:
    """Who has gone on to another one gets a link."""
    conversation = conversation_undo(conversation_id=conversation_id, user_id=person(request), done=act)
    here = open_in_address(request) == str(conversation.pk)
    return done(request, _("It is back where it was."), href="" if here else _to("conversation", conversation))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotColleague from None


@require_POST
@desk_required
@told
def to_team(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`undo=1` takes back what this person has just done."""
    conversation_or_404(conversation_id)
    if _given(request, "undo"):
        return _undone(request, conversation_id, TO_TEAM)
    slug = _given(request, "team")
    conversation = conversation_to_team(conversation_id=conversation_id, user_id=person(request), team_slug=slug)
    name = conversation.team.name if slug and conversation.team else _("everybody")
    undo = _to("conversation-team", conversation, undo="1")
    return done(request, _("Handed to %(team)s.") % {"team": name}, undo=undo)


@require_POST
@desk_required
@told
def snooze(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`undo=1` takes back what this person has just done."""
    conversation_or_404(conversation_id)
    if _given(request, "undo"):
        return _undone(request, conversation_id, SNOOZED)
    until = SnoozeForm(request.POST).until_at
    if until is None:
        raise BadTime
    conversation = conversation_snooze(conversation_id=conversation_id, user_id=person(request), until=until)
    return done(request, _("Snoozed until {at}."), undo=_to("conversation-snooze", conversation, undo="1"), at=until)


@require_POST
@desk_required
@told
def resolve(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`undo=1` takes back that this person has just reopened it."""
    if _given(request, "undo"):
        return _undone(request, conversation_id, REOPENED)
    outcome = _given(request, "outcome").strip()
    conversation = conversation_resolve(conversation_id=conversation_id, user_id=person(request), outcome=outcome)
    return done(request, _("Resolved."), undo=_to("conversation-reopen", conversation, undo="1"))


@require_POST
@desk_required
@told
def reopen(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`undo=1` takes back that it was resolved. Who has gone on to another one gets a link."""
    before = conversation_or_404(conversation_id)
    undoes = bool(_given(request, "undo"))
    service = conversation_resolve_undo if undoes else conversation_reopen
    conversation = service(conversation_id=conversation_id, user_id=person(request))
    here = open_in_address(request) == str(conversation.pk)
    undo = "" if undoes or conversation.version == before.version else _to("conversation-resolve", conversation, undo="1")
    return done(request, _("Open again."), undo=undo, href="" if here else _to("conversation", conversation))


@require_POST
@desk_required
@told
def to_ai(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    conversation = conversation_to_ai(conversation_id=conversation_id, user_id=person(request))
    return done(request, _("The AI agent answers again."), undo=_to("conversation-claim", conversation))


@require_POST
@desk_required
@told
def read(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`to`: the last message that is on the page, where there are newer ones."""
    conversation_read(conversation_id=conversation_id, user_id=person(request), last=id_given(request, "to"))
    return HttpResponse(status=204)
