"""What a language model reads of a contact's message, whatever its type (types: developers.facebook.com, Cloud API, webhooks)."""

from collections.abc import Callable
from typing import Any

from apps.herald.payloads import TurnAttachment, TurnMessage

Payload = dict[str, Any]
SPOKEN = {"text", "button", "interactive"}
NAMES = {"image": "an image", "video": "a video", "document": "a document", "sticker": "a sticker", "audio": "a voice message"}


def message_text(message: TurnMessage) -> str:
    """The contact's own words as they are; anything else described in brackets, in English."""
    kind = "audio" if message.type == "voice" else message.type
    words = message.text.strip()
    if kind in SPOKEN:
        return words or "(The contact sent an empty message.)"
    if kind == "audio":
        return _spoken(message) or "(The contact sent a voice message that could not be understood.)"
    part = message.payload.get(kind)
    describe = DESCRIBE.get(kind)
    if describe is not None:
        return f"({describe(part if part is not None else message.payload, words)})"
    if kind == "revoked":
        return "(The contact deleted this message.)"
    if kind in NAMES:
        return f"(The contact sent {NAMES[kind]}{_named(message.attachments)}{f': {words}' if words else '.'})"
    return words or f"(The contact sent something that cannot be shown here: {kind}.)"


def own_words(message: TurnMessage) -> str:
    """What the contact said or typed, for the handoff phrases: nothing that Meridian describes."""
    return f"{message.text} {_spoken(message)}".strip()


def _spoken(message: TurnMessage) -> str:
    """What a voice note says: on its file, or on the message itself."""
    said = " ".join(file.transcript.strip() for file in message.attachments if file.transcript.strip())
    return said or message.text.strip()


def _named(files: list[TurnAttachment]) -> str:
    names = [file.name for file in files if file.name]
    return f" named {', '.join(names)}" if names else ""


def _dict(value: Any) -> Payload:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[Payload]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _location(part: Any, words: str) -> str:
    place = _dict(part)
    where = ", ".join(str(place[key]) for key in ("name", "address") if place.get(key))
    spot = "latitude {latitude}, longitude {longitude}".format(**place) if {"latitude", "longitude"} <= place.keys() else ""
    return f"The contact sent a location: {'; '.join(filter(None, (where, spot))) or words or 'unknown'}."


def _contacts(part: Any, words: str) -> str:
    return f"The contact sent contact details: {'; '.join(map(_card, _dicts(part))) or words or 'none'}."


def _card(card: Payload) -> str:
    name = _dict(card.get("name")).get("formatted_name") or "no name"
    numbers = [str(phone.get("phone") or phone.get("wa_id")) for phone in _dicts(card.get("phones"))]
    mails = [str(mail.get("email")) for mail in _dicts(card.get("emails"))]
    return ", ".join([str(name), *numbers, *mails])


def _reaction(part: Any, words: str) -> str:
    emoji = _dict(part).get("emoji") or words
    return f"The contact reacted with {emoji}." if emoji else "The contact took a reaction back."


def _order(part: Any, words: str) -> str:
    order = _dict(part)
    items = "; ".join(map(_item, _dicts(order.get("product_items"))))
    note = f" Note: {order['text']}" if order.get("text") else ""
    return f"The contact sent an order: {items or words or 'no items'}.{note}"


def _item(item: Payload) -> str:
    name, price = item.get("product_retailer_id", "unknown"), item.get("item_price", "?")
    return f"{item.get('quantity', 1)} x {name} at {price} {item.get('currency', '')}".rstrip()


def _system(part: Any, words: str) -> str:
    return f"WhatsApp says: {words or _dict(part).get('body') or 'the contact changed'}."


DESCRIBE: dict[str, Callable[[Any, str], str]] = {
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "order": _order,
    "system": _system,
}
