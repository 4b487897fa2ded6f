"""Writing: replies, notes, files, templates, and telling others that one is typing."""

import json
import re
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from apps.desktop.channels import TemplateChoice, channel_for
from apps.desktop.errors import DeskError, EmptyMessage
from apps.desktop.forms import MessageForm, ReactionForm, TemplateForm
from apps.desktop.models import Attachment, Conversation, Message
from apps.desktop.services.messages import attachment_upload, message_react, message_send, note_add, request_part
from apps.desktop.views.answers import done, errors_of, told
from apps.desktop.views.conversation import conversation_or_404
from apps.desktop.views.rights import desk_required, person

PERSON = Message.Author.PERSON
PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
CAPTIONED = frozenset({"image", "video", "document"})
MB = 1024 * 1024
HEADINGS = {
    "image": gettext_lazy("Picture in the heading"),
    "video": gettext_lazy("Video in the heading"),
    "document": gettext_lazy("PDF in the heading"),
}


class BadText(DeskError):
    """What was written cannot be sent as it is."""

    code = "bad_text"
    status = 422


@require_POST
@desk_required
@told
def reply(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    conversation = conversation_or_404(conversation_id)
    values = _values(request)
    with transaction.atomic():
        for place, part in enumerate(parts_of(values["text"], _uploads(request, values["attachments"]))):
            message_send(
                conversation=conversation, author=PERSON, user_id=person(request), reply_to_id=values["reply_to"],
                request_id=request_part(values["request_id"], place), **part,
            )  # fmt: skip
    return done(request)


@require_POST
@desk_required
@told
def note(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    conversation = conversation_or_404(conversation_id)
    values = _values(request)
    note_add(
        conversation_id=conversation.pk, user_id=person(request), text=values["text"], request_id=values["request_id"]
    )  # fmt: skip
    return done(request)


@require_POST
@desk_required
@told
def react(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    conversation = conversation_or_404(conversation_id)
    form = ReactionForm(request.POST)
    if not form.is_valid():
        raise BadText(errors_of(form))
    values = form.cleaned_data
    message_react(
        conversation=conversation, message_id=values["message"], user_id=person(request), emoji=values["emoji"]
    )  # fmt: skip
    return done(request)


def _values(request: HttpRequest) -> dict[str, Any]:
    form = MessageForm(request.POST)
    if not form.is_valid():
        raise BadText(errors_of(form))
    return form.cleaned_data


def _uploads(request: HttpRequest, ids: list[str]) -> list[Attachment]:
    """In the order they were attached; the service refuses what is not one's own."""
    found = {str(row.pk): row for row in Attachment.objects.filter(pk__in=ids, uploaded_by=person(request))}
    return [found.get(pk, Attachment(pk=pk)) for pk in ids]


def parts_of(text: str, uploads: list[Attachment]) -> list[dict[str, Any]]:
    """What leaves, one after another: a message carries one file, and the text is the caption of the first that can have one."""
    if not text.strip() and not uploads:
        raise EmptyMessage
    captioned = next((upload.pk for upload in uploads if kind_of(upload.mime) in CAPTIONED), None) if text.strip() else None
    parts: list[dict[str, Any]] = []
    if text.strip() and captioned is None:
        parts.append({"kind": "text", "text": text})
    for upload in uploads:
        caption = text if upload.pk == captioned else ""
        parts.append({"kind": kind_of(upload.mime), "text": caption, "attachment_ids": [upload.pk]})
    return parts


def kind_of(mime: str) -> str:
    """WhatsApp's type for a file: its own formats by what they are, everything else as a document.

    https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types
    """
    if mime in ("image/jpeg", "image/png"):
        return "image"
    if mime in ("video/mp4", "video/3gpp"):
        return "video"
    return "audio" if mime in ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg") else "document"


@require_POST
@desk_required
def upload(request: HttpRequest) -> JsonResponse:
    """One file. Answers {id, name} or {error}."""
    file = request.FILES.get("file")
    if file is None:
        return JsonResponse({"error": _("No file arrived; choose it again.")}, status=422)
    try:
        kept = attachment_upload(
            user_id=person(request), file=file, name=file.name or "file", mime=file.content_type or ""
        )  # fmt: skip
    except DeskError as error:
        return JsonResponse({"error": str(error)}, status=error.status)
    return JsonResponse({"id": str(kept.pk), "name": kept.name, "url": reverse("attachment", args=[kept.pk])})


@require_GET
@desk_required
def templates(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The dialog's content: what may be sent now, with its places."""
    conversation = conversation_or_404(conversation_id)
    action = reverse("conversation-template", args=[conversation.pk])
    context = {"action": action, "templates": templates_offered(conversation)}
    return render(request, "desktop/templates.html", context)


def templates_offered(conversation: Conversation) -> list[dict[str, Any]]:
    """The templates that may be sent now, with their places and what the form calls them."""
    return [_offered(one) for one in _choices(conversation)]


def _offered(choice: TemplateChoice) -> dict[str, Any]:
    places = [(name, place_label(name)) for name in choice.variables]
    limits = dict(choice.heading_limits)
    file = {"file_label": HEADINGS.get(choice.heading, ""), "accept": ",".join(limits), "limits": json.dumps(limits)}
    file["icon"] = {"image": "image", "video": "video"}.get(choice.heading, "file-text")
    return {**asdict(choice), "places": places, **file}


def _choices(conversation: Conversation) -> list[TemplateChoice]:
    try:
        return channel_for(conversation.channel).templates(conversation)
    except DeskError:
        return []


@require_POST
@desk_required
@told
def template_send(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    conversation = conversation_or_404(conversation_id)
    given = template_given(request, conversation)
    message_send(conversation=conversation, author=PERSON, user_id=person(request), **given)
    return done(request, _("Template sent."))


def template_given(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    """The template that a form names, filled in: kind, text and payload of a message. Raises BadText."""
    form = TemplateForm(request.POST)
    choice = next((one for one in _choices(conversation) if form.is_valid() and _is(one, form.cleaned_data)), None)
    if choice is None:
        raise BadText(_("This template is not there any more. Choose another."))
    values = [request.POST.get(f"variable-{place}", "").strip() for place, name in enumerate(choice.variables)]
    if not all(values):
        raise BadText(_("Fill in every place of the template."))
    payload = {"name": choice.name, "language": choice.language, "variables": values}
    payload |= {"heading": choice.heading} if choice.heading else {}
    payload |= {
        "header": template_text(choice.header, choice, values, "header."),
        "footer": choice.footer,
        "buttons": choice.buttons,
    }
    text = template_text(choice.body, choice, values)
    given = {"kind": "template", "text": text, "payload": payload, "request_id": form.cleaned_data["request_id"]}
    return {**given, "attachment_ids": [_heading_kept(request, choice).pk]} if choice.heading else given


def _heading_kept(request: HttpRequest, choice: TemplateChoice) -> Attachment:
    """The file for the heading. Raises BadText where there is none, or it is none for this template."""
    file = request.FILES.get("heading")
    if file is None:
        raise BadText(_("Choose the file that stands in the heading of this template."))
    most = choice.heading_limits.get((file.content_type or "").split(";")[0])
    if most is None:
        raise BadText(_("The heading of this template takes another type of file. Choose another one."))
    if (file.size or 0) > most:
        raise BadText(_("That file is over %(most)s MB. Choose a smaller one.") % {"most": most // MB})
    return attachment_upload(user_id=person(request), file=file, name=file.name or "file", mime=file.content_type or "")


def place_label(name: str) -> str:
    """What a template's place is called in the form: `header.1` stands in the heading, `button.0.1` in a button's address."""
    part, _dot, place = name.rpartition(".")
    values = {"place": place}
    if part == "header":
        return _("{{%(place)s}} in the heading") % values
    return (_("{{%(place)s}} in the button's address") if part else "{{%(place)s}}") % values


def _is(choice: TemplateChoice, wanted: dict[str, str]) -> bool:
    return choice.name == wanted["name"] and choice.language == wanted["language"]


def template_text(text: str, choice: TemplateChoice, values: list[str], prefix: str = "") -> str:
    """A part of a template with its places, written {{name}}, filled in; the header's variables are called `header.name`."""
    known = dict(zip(choice.variables, values, strict=True))
    return PLACE.sub(lambda place: known.get(prefix + place[1], place[0]), text)
