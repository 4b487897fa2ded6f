"""What a message has to look like: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages

Each check raises GraphError with the words that Meta finds.
"""

from collections.abc import Callable
from typing import Any

from embedded.meta.checks_interactive import interactive_check
from embedded.meta.checks_template import template_check
from embedded.meta.errors import missing, not_valid, parameter
from embedded.meta.fields import number_in, object_in, text_in
from embedded.meta.state import State

TEXT_LENGTH = 4096
CAPTION_LENGTH = 1024
MEDIA = ("image", "audio", "video", "document", "sticker")


def message_check(state: State, number: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a message to be sent from a number. Raises GraphError."""
    if body.get("messaging_product") != "whatsapp":
        raise parameter("The parameter messaging_product is required and has to be 'whatsapp'.")
    kind = body.get("type", "text")
    if kind not in CHECKS:
        raise parameter(f'Param type must be one of {{{", ".join(sorted(CHECKS)).upper()}}} - got "{kind}".')
    if body.get("recipient_type", "individual") != "individual":
        raise parameter("Param recipient_type must be individual here; groups are not pretended.")
    content = object_in(body, kind) if kind != "contacts" else {"contacts": body.get("contacts")}
    CHECKS[kind](state, number, content)
    _context_check(state, number, body)
    return {kind: content} if kind != "contacts" else content


def _context_check(state: State, number: str, body: dict[str, Any]) -> None:
    if "context" not in body:
        return
    message_id = text_in(object_in(body, "context"), "message_id", "context['message_id']")
    if message_id not in state.messages or state.messages[message_id].number != number:
        raise not_valid("context message_id is not a message of this business phone number.")


def _text(state: State, number: str, content: dict[str, Any]) -> None:
    text_in(content, "body", "text['body']", longest=TEXT_LENGTH)
    if not isinstance(content.get("preview_url", False), bool):
        raise parameter("Param text['preview_url'] must be a boolean.")


def _media(kind: str) -> "Check":
    def check(state: State, number: str, content: dict[str, Any]) -> None:
        _media_source(state, number, kind, content)
        if content.get("caption"):
            if kind in ("audio", "sticker"):
                raise parameter(f"Param {kind}['caption'] is not allowed.")
            text_in(content, "caption", f"{kind}['caption']", longest=CAPTION_LENGTH)
        if content.get("filename"):
            if kind != "document":
                raise parameter(f"Param {kind}['filename'] is not allowed.")
            text_in(content, "filename", "document['filename']", longest=240)

    return check


def _media_source(state: State, number: str, kind: str, content: dict[str, Any]) -> None:
    if ("id" in content) == ("link" in content):
        raise parameter(f"Param {kind} must have either an id or a link.")
    if "link" in content:
        if not text_in(content, "link", f"{kind}['link']").startswith(("http://", "https://")):
            raise parameter(f"Param {kind}['link'] is not a valid URI.")
        return
    media = state.media.get(str(content["id"]))
    if media is None or media.owner != number:
        raise parameter(f"Param {kind}['id'] is not a valid whatsapp business account media attachment ID")
    if not media_fits(kind, media.mime):
        raise not_valid(f"The media is {media.mime}, which cannot be sent as {kind}.")


def media_fits(kind: str, mime: str) -> bool:
    """Whether a file of this type may be sent as this kind of message."""
    main = mime.partition("/")[0]
    if kind == "document":
        return True
    if kind == "sticker":
        return mime.startswith("image/webp")
    return main == kind and not mime.startswith("image/webp")


def _location(state: State, number: str, content: dict[str, Any]) -> None:
    for name, limit in (("latitude", 90.0), ("longitude", 180.0)):
        if abs(number_in(content, name, f"location['{name}']")) > limit:
            raise parameter(f"Param location['{name}'] must be between -{limit:.0f} and {limit:.0f}.")
    for name in ("name", "address"):
        if content.get(name):
            text_in(content, name, f"location['{name}']", longest=1000)


def _reaction(state: State, number: str, content: dict[str, Any]) -> None:
    message_id = text_in(content, "message_id", "reaction['message_id']")
    if message_id not in state.messages or state.messages[message_id].number != number:
        raise not_valid("Message ID in reaction is invalid.")
    if not isinstance(content.get("emoji"), str):
        raise missing("reaction['emoji']")
    if len(content["emoji"]) > 16 or (content["emoji"].isascii() and content["emoji"]):
        raise parameter("Param reaction['emoji'] must be a single emoji.")


def _contacts(state: State, number: str, content: dict[str, Any]) -> None:
    cards = content["contacts"]
    if not isinstance(cards, list) or not cards:
        raise missing("contacts")
    for card in cards:
        if not isinstance(card, dict):
            raise parameter("Param contacts must be a list of objects.")
        text_in(object_in(card, "name"), "formatted_name", "contacts['name']['formatted_name']")


Check = Callable[[State, str, dict[str, Any]], None]
CHECKS: dict[str, Check] = {
    "text": _text,
    "location": _location,
    "reaction": _reaction,
    "contacts": _contacts,
    "interactive": interactive_check,
    "template": template_check,
    **{kind: _media(kind) for kind in MEDIA},
}
