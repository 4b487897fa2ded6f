"""What the phone page shows: the contact's side of a chat."""

import time
from typing import Any

from embedded.meta.checks import MEDIA
from embedded.meta.checks_template import parameters_of, template_find
from embedded.meta.state import WINDOW_SECONDS, Contact, Media, Message, State
from embedded.meta.templates import component_of, filled

ARRIVED = ("delivered", "read")
LONGEST = 300


def chat_shown(state: State, contact: Contact, number: str) -> dict[str, Any]:
    """Return a chat as the contact's phone has it, oldest first."""
    chat = state.chat(number, contact.key)
    messages = [state.messages[message_id] for message_id in chat.ids]
    here = [m for m in messages if (m.from_contact or m.status in ARRIVED) and m.type not in ("reaction", "system")]
    return {
        "version": state.version,
        "messages": [message_shown(state, message) for message in here[-LONGEST:]],
        "typing": chat.typing_until > time.time(),
        "typing_until": chat.typing_until,
        "window_until": chat.last_inbound + WINDOW_SECONDS if chat.last_inbound else 0,
        "phone_on": contact.key not in state.off,
    }


def people_shown(state: State) -> list[dict[str, Any]]:
    """Return everybody with their last message and unread count for each business."""
    return [
        {
            "key": contact.key,
            "name": contact.name,
            "wa_id": contact.wa_id,
            "username": contact.username,
            "on": contact.key not in state.off,
            "unread": {n: chat.unread for (n, key), chat in state.chats.items() if key == contact.key and chat.unread},
        }
        for contact in state.contacts.values()
    ]


def message_shown(state: State, message: Message) -> dict[str, Any]:
    """Return one message: who, what it looks like, its ticks and reactions."""
    shown: dict[str, Any] = {
        "id": message.id,
        "mine": message.from_contact,
        "type": message.type,
        "at": message.at,
        "status": message.status,
        "reactions": list(message.reactions.values()),
        "my_reaction": message.reactions.get("contact", ""),
        "content": message.content,
    }
    if message.context in state.messages:
        quoted = state.messages[message.context]
        shown["quote"] = {"id": quoted.id, "mine": quoted.from_contact, "text": message_words(state, quoted)}
    return shown | _face(state, message)


def message_words(state: State, message: Message) -> str:
    """Return a message in one line, as a quotation has it."""
    face = _face(state, message)
    media = face.get("media")
    return str(face.get("text") or face.get("title") or (media and (media["name"] or media["kind"])) or message.type)


def _face(state: State, message: Message) -> dict[str, Any]:
    content = message.content.get(message.type, {})
    if message.type == "text":
        return {"text": content["body"]}
    if message.type == "revoked":
        return {"text": "This message was deleted."}
    if message.type in MEDIA:
        return {"text": content.get("caption", ""), "media": _media_shown(state, message.type, content)}
    if message.type == "location":
        return {"text": "", "title": content.get("name") or "Location", "location": content}
    if message.type == "contacts":
        cards = message.content["contacts"]
        return {"text": "", "title": ", ".join(card["name"]["formatted_name"] for card in cards), "cards": cards}
    if message.type == "button":
        return {"text": content.get("text", "")}
    if message.type == "interactive":
        return _interactive(state, message, content)
    if message.type == "template":
        return _template(state, message, content)
    return {"text": f"[{message.type}]"}


def _media_shown(state: State, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    media = state.media.get(str(content.get("id", "")))
    if media is None:
        return {"kind": kind, "link": content.get("link", ""), "name": content.get("filename", ""), "mime": "", "size": 0}
    name = content.get("filename") or media.name
    voice = bool(content.get("voice"))
    return {"kind": kind, "url": _url(media), "name": name, "mime": media.mime, "size": media.size, "voice": voice}


def _url(media: Media) -> str:
    return f"/pretend/media/{media.id}"


def _interactive(state: State, message: Message, content: dict[str, Any]) -> dict[str, Any]:
    if message.from_contact:
        reply = content.get(content.get("type", ""), {})
        return {"text": reply.get("title", ""), "description": reply.get("description", "")}
    action, header = content.get("action", {}), content.get("header", {})
    shown: dict[str, Any] = {
        "text": content["body"]["text"],
        "title": header.get("text", ""),
        "footer": content.get("footer", {}).get("text", ""),
        "buttons": [{"kind": "reply", **button["reply"]} for button in action.get("buttons", [])],
    }
    if header.get("type") in MEDIA:
        shown["media"] = _media_shown(state, header["type"], header[header["type"]])
    if content["type"] == "list":
        shown["list"] = {"button": action["button"], "sections": action["sections"]}
    if content["type"] == "cta_url":
        given = action["parameters"]
        shown["buttons"] = [{"kind": "url", "title": given["display_text"], "url": given["url"]}]
    if content["type"] == "location_request_message":
        shown["buttons"] = [{"kind": "location", "title": "Send location"}]
    return shown


def _template(state: State, message: Message, content: dict[str, Any]) -> dict[str, Any]:
    template = template_find(state, message.number, content)
    header = component_of(template, "HEADER")
    shown: dict[str, Any] = {
        "text": filled(component_of(template, "BODY").get("text", ""), parameters_of(content, "body")),
        "title": filled(header.get("text", ""), parameters_of(content, "header")),
        "footer": component_of(template, "FOOTER").get("text", ""),
        "buttons": [_template_button(content, n, b) for n, b in enumerate(component_of(template, "BUTTONS").get("buttons", []))],
    }
    for value in parameters_of(content, "header"):
        if value.get("type") in MEDIA:
            shown["media"] = _media_shown(state, value["type"], value[value["type"]])
    return shown


def _template_button(content: dict[str, Any], index: int, button: dict[str, Any]) -> dict[str, Any]:
    """A template's button; a quick reply gives back the payload that was sent for it."""
    given: dict[str, Any] = next(
        (
            part.get("parameters") or [{}]
            for part in content.get("components") or []
            if part["type"].lower() == "button" and str(part.get("index")) == str(index)
        ),
        [{}],
    )[0]
    if button["type"] == "URL":
        return {"kind": "url", "title": button["text"], "url": filled(button["url"], [given])}
    return {"kind": "quick", "title": button["text"], "payload": given.get("payload", button["text"])}
