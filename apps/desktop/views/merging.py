"""“Same person as…”: a supervisor finds the other contact, sees what comes together, and makes one of both."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.desktop.errors import UnknownContact
from apps.desktop.models import Contact
from apps.desktop.selectors.contacts import MOST, contact_get, contacts_find, contacts_together
from apps.desktop.selectors.people import SUPERVISORS
from apps.desktop.services.contacts import contact_merge_by_hand
from apps.desktop.services.contacts.merging import merged_values
from apps.desktop.views.answers import done, told
from apps.desktop.views.conversation import conversation_or_404
from apps.desktop.views.rights import person
from apps.tenants.access import role_required

supervisors_only = role_required(*SUPERVISORS)


@require_GET
@supervisors_only
def same_find(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The dialog's content: who else it could be. Without a search, those who have the same name."""
    conversation = conversation_or_404(conversation_id)
    contact = conversation.contact
    q = request.GET.get("q", "").strip()
    found = contacts_find(q or contact.name) if q or contact.name else Contact.objects.none()
    rows = list(found.exclude(pk=contact.pk)[: MOST + 1])
    context = {"conversation": conversation, "contact": contact, "q": q, "found": rows[:MOST], "more": len(rows) > MOST}
    name = "desktop/same_found.html" if "q" in request.GET else "desktop/same.html"
    return render(request, name, context)


@require_http_methods(["GET", "POST"])
@supervisors_only
@told
def same(request: HttpRequest, conversation_id: UUID, contact_id: UUID) -> HttpResponse:
    """GET shows what comes together, POST does it."""
    conversation = conversation_or_404(conversation_id)
    other = _contact_or_404(contact_id)
    if request.method == "GET":
        return render(request, "desktop/same_together.html", _together(conversation.contact, other, conversation))
    kept = contact_merge_by_hand(contact_id=conversation.contact_id, other_id=other.pk, user_id=person(request))
    return done(request, _("They are one contact now: %(name)s.") % {"name": kept})


def _contact_or_404(contact_id: UUID) -> Contact:
    try:
        return contact_get(contact_id)
    except UnknownContact as error:
        raise Http404(str(error)) from error


def _together(contact: Contact, other: Contact, conversation: Any) -> dict[str, Any]:
    together = contacts_together(contact, other)
    return {
        "conversation": conversation,
        "contact": contact,
        "other": other,
        "together": together,
        "values": merged_values(together.first, together.second),
    }
