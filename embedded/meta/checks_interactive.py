"""Messages with buttons and lists: https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages#interactive-messages"""

from typing import Any

from embedded.meta.errors import not_valid, parameter
from embedded.meta.fields import list_in, object_in, text_in
from embedded.meta.state import State

HEADER = FOOTER = 60
KINDS = ("button", "list", "cta_url", "location_request_message")


def interactive_check(state: State, number: str, content: dict[str, Any]) -> None:
    """Check buttons, a list, a link or a request for a location. Raises GraphError."""
    kind = content.get("type")
    if kind not in KINDS:
        raise parameter(f"Param interactive['type'] must be one of {{{', '.join(KINDS)}}} - got \"{kind}\".")
    text_in(object_in(content, "body"), "text", "interactive['body']['text']", longest=4096 if kind == "list" else 1024)
    if "footer" in content:
        text_in(object_in(content, "footer"), "text", "interactive['footer']['text']", longest=FOOTER)
    if "header" in content:
        _header(state, number, kind, object_in(content, "header"))
    action = object_in(content, "action")
    if kind == "button":
        _buttons(action)
    elif kind == "list":
        _list(action)
    elif kind == "cta_url":
        _link(action)


def _header(state: State, number: str, kind: str, header: dict[str, Any]) -> None:
    shape = header.get("type")
    if shape == "text":
        text_in(header, "text", "interactive['header']['text']", longest=HEADER)
        return
    if shape not in ("image", "video", "document") or kind == "list":
        raise not_valid("Header type is not allowed for this interactive message.")
    source = object_in(header, shape)
    media = state.media.get(str(source.get("id", "")))
    if "link" not in source and (media is None or media.owner != number):
        raise parameter(
            f"Param interactive['header']['{shape}']['id'] is not a valid whatsapp business account media attachment ID"
        )


def _buttons(action: dict[str, Any]) -> None:
    seen: set[str] = set()
    for button in list_in(action, "buttons", "interactive['action']['buttons']", most=3):
        if button.get("type") != "reply":
            raise parameter("Param interactive['action']['buttons']['type'] must be one of {reply}.")
        reply = object_in(button, "reply")
        text_in(reply, "title", "interactive['action']['buttons']['reply']['title']", longest=20)
        _once(seen, text_in(reply, "id", "interactive['action']['buttons']['reply']['id']", longest=256), "button")
        _once(seen, f"title {reply['title']}", "button")


def _list(action: dict[str, Any]) -> None:
    text_in(action, "button", "interactive['action']['button']", longest=20)
    sections = list_in(action, "sections", "interactive['action']['sections']", most=10)
    seen: set[str] = set()
    for section in sections:
        if len(sections) > 1 or section.get("title"):
            text_in(section, "title", "interactive['action']['sections']['title']", longest=24)
        for row in list_in(section, "rows", "interactive['action']['sections']['rows']", most=10):
            _once(seen, text_in(row, "id", "interactive['action']['sections']['rows']['id']", longest=200), "row")
            text_in(row, "title", "interactive['action']['sections']['rows']['title']", longest=24)
            if row.get("description"):
                text_in(row, "description", "interactive['action']['sections']['rows']['description']", longest=72)
    if len(seen) > 10:
        raise not_valid("Total row count exceed max allowed count: 10.")


def _link(action: dict[str, Any]) -> None:
    given = object_in(action, "parameters")
    text_in(given, "display_text", "interactive['action']['parameters']['display_text']", longest=20)
    if not text_in(given, "url", "interactive['action']['parameters']['url']").startswith(("http://", "https://")):
        raise parameter("Param interactive['action']['parameters']['url'] is not a valid URI.")


def _once(seen: set[str], value: str, what: str) -> None:
    if value in seen:
        raise not_valid(f"Duplicated {what} id or title: {value}.")
    seen.add(value)
