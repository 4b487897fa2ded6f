"""Writing first: to whom, from which number, and what may be said there now."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.desktop.channels import LineChoice, lines_all
from apps.desktop.forms import StartForm
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.selectors import user_name
from apps.desktop.selectors.starting import contact_known, conversation_there, window_of
from apps.desktop.services.conversations.starting import contact_for, conversation_start
from apps.desktop.services.messages import message_send
from apps.desktop.views.answers import errors_of, told
from apps.desktop.views.composing import BadText, template_given, templates_offered
from apps.desktop.views.rights import desk_required, person


@require_GET
@desk_required
def start_form(request: HttpRequest) -> HttpResponse:
    """The dialog's content: to whom and from where, and once that is known what can be said."""
    contact = _contact(request)
    form = _form(request, contact)
    if not form.is_bound or not form.is_valid():
        return render(request, "desktop/start.html", {"form": form, "lines": lines_all(), "contact": contact})
    return render(request, "desktop/start_say.html", _sayable(request, form, contact))


@require_POST
@desk_required
@told
def start(request: HttpRequest) -> HttpResponse:
    """Opens the conversation for who asks, with a template where the customer service window is closed."""
    contact = _contact(request)
    form = _form(request, contact)
    if not form.is_valid():
        raise BadText(errors_of(form))
    said = _said(request, form.chosen)
    with transaction.atomic():
        whom = contact_for(line=form.chosen, phone=form.phone, name=form.cleaned_data.get("called", ""), contact=contact)
        if said is None and not window_of(whom, form.chosen) and conversation_there(whom, form.chosen) is None:
            raise BadText(_("WhatsApp takes only a template until the contact has written. Choose one."))
        conversation = conversation_start(contact=whom, line=form.chosen, user_id=person(request))
        if said is not None:
            message_send(conversation=conversation, author=Message.Author.PERSON, user_id=person(request), **said)
    href = reverse("conversation", args=[conversation.pk])
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(href)
    return HttpResponse(status=204, headers={"HX-Redirect": href})


def _contact(request: HttpRequest) -> Contact | None:
    """The contact that the address or form names; 404 where there is none such."""
    given = request.POST.get("contact") or request.GET.get("contact")
    if not given:
        return None
    try:
        return Contact.objects.get(pk=UUID(given))
    except (ValueError, Contact.DoesNotExist):
        raise Http404("There is no such contact.") from None


def _form(request: HttpRequest, contact: Contact | None) -> StartForm:
    """Bound once it was filled in; for a contact whose number is known and one line there is nothing to fill in."""
    lines, country = lines_all(), request.tenant.country  # type: ignore[attr-defined]
    given: Any = request.POST if request.method == "POST" else request.GET
    if "line" not in given and contact is not None and len(lines) == 1:
        given = {"line": lines[0].key}
    data = given if "line" in given else None
    return StartForm(data, lines=lines, country=country, contact=contact)


def _sayable(request: HttpRequest, form: StartForm, contact: Contact | None) -> dict[str, Any]:
    line = form.chosen
    known = contact_known(line, form.phone, contact)
    there = conversation_there(known, line) if known else None
    hidden = {
        "contact": contact.pk if contact else "",
        "line": line.key,
        "to": form.phone,
        "called": form.cleaned_data.get("called", ""),
    }
    return {
        "line": line,
        "phone": form.phone,
        "known": known,
        "there": there,
        "holder": user_name(there.assignee_id) if there and there.assignee_id != person(request) else "",
        "window_until": window_of(known, line) if known else None,
        "hidden": [(name, value) for name, value in hidden.items() if value],
        "templates": templates_offered(_on(line)),
        "action": reverse("desktop-start"),
    }


def _said(request: HttpRequest, line: LineChoice) -> dict[str, Any] | None:
    """The template that was chosen, filled in; None where none was."""
    return template_given(request, _on(line)) if request.POST.get("language") else None


def _on(line: LineChoice) -> Conversation:
    """What a channel needs to know to tell its templates; it is saved nowhere."""
    return Conversation(channel=line.channel, line=line.line)
