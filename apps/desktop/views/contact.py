"""Changing what is kept about a contact."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.desktop.forms import ContactForm
from apps.desktop.models import Contact
from apps.desktop.services.contacts import contact_update
from apps.desktop.views.answers import done, errors_of, told
from apps.desktop.views.conversation import conversation_or_404
from apps.desktop.views.rights import desk_required, person

TAG_LENGTH = 40


@require_POST
@desk_required
@told
def contact_save(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    contact = conversation_or_404(conversation_id).contact
    form = ContactForm(request.POST)
    if not form.is_valid():
        return done(request, errors_of(form), status=422)
    values = form.cleaned_data
    contact_update(
        contact=contact, user_id=person(request), name=values["name"], email=values["email"], fields=values["fields_text"]
    )  # fmt: skip
    return done(request, _("Saved."))


@require_POST
@desk_required
@told
def tag_add(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    contact = conversation_or_404(conversation_id).contact
    tag = request.POST.get("tag", request.GET.get("tag", "")).strip()
    if len(tag) > TAG_LENGTH:
        return done(request, _("A tag has at most 40 letters."), status=422)
    return _tags_set(request, contact, [*contact.tags, tag])


@require_POST
@desk_required
@told
def tag_remove(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    contact = conversation_or_404(conversation_id).contact
    tag = request.POST.get("tag", "")
    return _tags_set(request, contact, [kept for kept in contact.tags if kept != tag])


def _tags_set(request: HttpRequest, contact: Contact, tags: list[str]) -> HttpResponse:
    contact_update(contact=contact, user_id=person(request), tags=tags)
    return done(request)
