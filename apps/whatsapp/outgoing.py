"""A message of the desktop in the form in which Meta takes it.

Wire format: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from collections.abc import Callable
from typing import Any

from apps.core.errors import PermanentError
from apps.desktop.models import Attachment, Message
from apps.whatsapp.files import media_kind
from apps.whatsapp.payloads import MEDIA, part, text_of
from apps.whatsapp.templates import template_content

Json = dict[str, Any]
MAX_TEXT = 4096
MAX_CAPTION = 1024
CAPTIONED = ("image", "video", "document")
FREE_KINDS = ("text", "interactive", "location", "contacts", "reaction", *MEDIA)
KINDS = ("template", *FREE_KINDS)


def recipient_of(identities: dict[str, str]) -> dict[str, str]:
    """Whom to send to: by BSUID where it is known, which outlives a change of number, else by wa_id."""
    if user_id := identities.get("wa_user_id"):
        return {"recipient": user_id}
    if wa_id := identities.get("wa_id"):
        return {"to": wa_id}
    raise PermanentError("This contact is not known on WhatsApp, so nothing can be sent there.")


def kind_of(message: Message, attachment: Attachment | None) -> str:
    """Meta's type for a message; the file decides, unless it is a template's. Raises PermanentError for what cannot be sent."""
    if attachment is not None:
        kind = media_kind(attachment.mime, attachment.size)
        return "template" if message.kind == "template" else kind
    if message.kind not in KINDS or message.kind in MEDIA:
        raise PermanentError(f"A message of the type {message.kind} cannot be sent on WhatsApp.")
    return message.kind


def content_of(message: Message, kind: str) -> Json:
    """The part of the body that is named after the type. Raises PermanentError where something is missing."""
    return WRITERS[kind](message)


def media_content(message: Message, kind: str, media_id: str, name: str) -> Json:
    """The part for a file that Meta has already."""
    if kind == "template":
        return template_content(message, media_id=media_id)
    content: Json = {"id": media_id}
    if kind in CAPTIONED and message.text:
        content["caption"] = message.text[:MAX_CAPTION]
    if kind == "document":
        content["filename"] = name or "file"
    return content


def text_parts(text: str, longest: int = MAX_TEXT) -> list[str]:
    """A long text cut where a paragraph, line or word ends, each part no longer than WhatsApp takes."""
    parts, rest = [], text.strip()
    while len(rest) > longest:
        cut = max((rest.rfind(mark, longest // 2, longest) for mark in ("\n\n", "\n", ". ", " ")), default=-1)
        cut = cut + 1 if cut > 0 else longest
        parts.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*parts, rest] if rest else parts


def _text(message: Message) -> Json:
    return {"body": message.text, "preview_url": "://" in message.text}


def _interactive(message: Message) -> Json:
    """Buttons or a list in Meta's own form; the body is the message's text where the payload has none."""
    content = part(message.payload.get("interactive")) or message.payload
    if content.get("type") not in ("button", "list", "cta_url", "location_request_message") or not part(content.get("action")):
        raise PermanentError("An interactive message needs a type (button or list) and its action.")
    return {**content, "body": part(content.get("body")) or {"text": message.text}}


def _location(message: Message) -> Json:
    content = part(message.payload.get("location")) or message.payload
    if not {"latitude", "longitude"} <= content.keys():
        raise PermanentError("A location needs latitude and longitude.")
    return {key: content[key] for key in ("latitude", "longitude", "name", "address") if content.get(key) not in (None, "")}


def _contacts(message: Message) -> Any:
    return message.payload.get("contacts") or []


def _reaction(message: Message) -> Json:
    """Reacts to the message that it replies to; no emoji takes the reaction back."""
    target = message.reply_to.external_id if message.reply_to else text_of(message.payload.get("message_id"), 191)
    if not target:
        raise PermanentError("The message to react to is not on WhatsApp.")
    return {"message_id": target, "emoji": text_of(message.payload.get("emoji"), 40) or message.text}


WRITERS: dict[str, Callable[[Message], Json]] = {
    "text": _text,
    "template": template_content,
    "interactive": _interactive,
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
}
