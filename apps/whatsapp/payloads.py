"""One message or status of Meta, read into what the rest of the product speaks.

Wire format: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from apps.whatsapp.envelope import dicts

Json = dict[str, Any]
MEDIA = ("image", "audio", "video", "document", "sticker")
MAX_TEXT = 65_536  # as long as a message may be that somebody writes in WhatsApp
MAX_NAME = 200
FAR = 32_503_680_000  # the year 3000, in seconds


@dataclass(frozen=True)
class Writer:
    """Who wrote: known by BSUID (`wa_user_id`), by `wa_id`, or both; a phone number is not always told."""

    identities: dict[str, str]
    name: str = ""
    phone: str = ""


@dataclass(frozen=True)
class InboundMessage:
    """A contact's message. `kind` is Meta's type; `payload` what that type has beside its text."""

    external_id: str
    kind: str
    at: datetime
    text: str = ""
    payload: Json = field(default_factory=dict)
    reply_to: str | None = None
    attachments: list[Json] = field(default_factory=list)


@dataclass(frozen=True)
class InboundStatus:
    """What became of a message of ours. `tracker` is the id that we sent along with it, `user_id` the contact's BSUID."""

    external_id: str
    status: str
    at: datetime
    error_code: str = ""
    error: Json = field(default_factory=dict)
    pricing: Json | None = None
    tracker: str = ""
    user_id: str = ""


def part(value: Any) -> Json:
    """An object of the JSON; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any, longest: int = MAX_TEXT) -> str:
    """A text or number of the JSON as text; anything else counts as none."""
    return str(value)[:longest] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def time_of(value: Any, default: datetime) -> datetime:
    """Meta's seconds since 1970, as text or number."""
    digits = text_of(value, 20)
    seconds = int(digits) if digits.isascii() and digits.isdigit() else 0
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < FAR else default


def phone_number_id_of(payload: Json) -> str:
    """Which of the company's numbers an inbox item is about."""
    return text_of(part(payload.get("metadata")).get("phone_number_id"), 64)


def writer_of(payload: Json) -> Writer:
    """Who wrote the message of an inbox item."""
    message, contact = part(payload.get("message")), part(payload.get("contact"))
    wa_id = text_of(contact.get("wa_id") or message.get("from"), 191)
    user_id = text_of(contact.get("user_id") or message.get("from_user_id"), 191)
    profile = part(contact.get("profile"))
    known = {"wa_user_id": user_id, "wa_id": wa_id}
    return Writer(
        identities={kind: value for kind, value in known.items() if value},
        name=text_of(profile.get("name") or profile.get("username"), MAX_NAME).strip(),
        phone=_phone(wa_id),
    )


def _phone(wa_id: str) -> str:
    return f"+{wa_id}" if wa_id.isascii() and wa_id.isdigit() and len(wa_id) <= 15 else ""


def addressee_of(payload: Json) -> Writer:
    """To whom the company wrote the message of an inbox item, in its WhatsApp Business app."""
    message = part(payload.get("message"))
    wa_id = text_of(message.get("to"), 191).lstrip("+")
    known = {"wa_user_id": text_of(message.get("to_user_id"), 191), "wa_id": wa_id}
    return Writer({kind: value for kind, value in known.items() if value}, phone=_phone(wa_id))


def message_of(payload: Json, now: datetime) -> InboundMessage:
    """The message of an inbox item. A type that nobody knows yet keeps its whole content as payload."""
    message = part(payload.get("message"))
    kind = text_of(message.get("type"), 24) or "unknown"
    content = message.get(kind)
    text, details = READERS.get(kind, _other)(content)
    context = part(message.get("context"))
    extra = {
        "referral": part(message.get("referral")),
        "context": {key: value for key, value in context.items() if key not in ("from", "id", "user_id")},
        "errors": dicts(message.get("errors")),
    }
    return InboundMessage(
        external_id=text_of(message.get("id"), 191),
        kind=kind,
        at=time_of(message.get("timestamp"), now),
        text=text,
        payload={**details, **{name: value for name, value in extra.items() if value}},
        reply_to=text_of(context.get("id"), 191) or None,
        attachments=[_attachment(part(content))] if kind in MEDIA and part(content).get("id") else [],
    )


def status_of(payload: Json, now: datetime) -> InboundStatus:
    """The status of an inbox item; of several errors the first one counts."""
    status = part(payload.get("status"))
    errors = dicts(status.get("errors"))
    return InboundStatus(
        external_id=text_of(status.get("id"), 191),
        status=text_of(status.get("status"), 12).lower(),
        at=time_of(status.get("timestamp"), now),
        error_code=text_of(errors[0].get("code"), 24) if errors else "",
        error=errors[0] if errors else {},
        pricing=part(status.get("pricing")) or None,
        tracker=text_of(status.get("biz_opaque_callback_data"), 64),
        user_id=text_of(status.get("recipient_user_id"), 191),
    )


def rewritten_of(payload: Json) -> tuple[str, str | None]:
    """Which message an edit or a deletion is about, and what it says now; None for a deletion, or where that is not told.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/edit
    """
    message = part(payload.get("message"))
    content = part(message.get(text_of(message.get("type"), 24)))
    said = part(content.get("message"))
    kind = text_of(said.get("type"), 24)
    text = READERS.get(kind, _other)(said.get(kind))[0] if kind else None
    return text_of(content.get("original_message_id"), 191), text


def changes_of(payload: Json) -> list[tuple[str, str, str]]:
    """What a system message says a contact is called now: (kind, old, new), the user id first.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system
    """
    message = part(payload.get("message"))
    content = part(message.get("system"))
    known = [
        ("wa_user_id", content.get("previous_user_id") or message.get("from_user_id"), content.get("user_id")),
        ("wa_id", message.get("from"), content.get("wa_id") or content.get("new_wa_id")),
    ]
    named = [(kind, text_of(old, 191), text_of(new, 191)) for kind, old, new in known]
    return [(kind, old, new) for kind, old, new in named if old and new and old != new]


def _attachment(content: Json) -> Json:
    mime = text_of(content.get("mime_type"), 127)
    return {"external_id": text_of(content["id"], 191), "mime": mime, "name": text_of(content.get("filename"), 255), "size": 0}


def _text(content: Any) -> tuple[str, Json]:
    return text_of(part(content).get("body")), {}


def _media(content: Any) -> tuple[str, Json]:
    kept = ("voice", "animated", "filename")
    return text_of(part(content).get("caption")), {key: value for key, value in part(content).items() if key in kept}


def _location(content: Any) -> tuple[str, Json]:
    named = [text_of(part(content).get(key), 500) for key in ("name", "address")]
    spot = [text_of(part(content).get(key), 20) for key in ("latitude", "longitude")]
    return ", ".join(filter(None, named) if any(named) else filter(None, spot)), part(content)


def _contacts(content: Any) -> tuple[str, Json]:
    people = dicts(content)
    names = [text_of(part(person.get("name")).get("formatted_name"), MAX_NAME) for person in people]
    return ", ".join(filter(None, names)), {"contacts": people}


def _interactive(content: Any) -> tuple[str, Json]:
    chosen = part(part(content).get(text_of(part(content).get("type"), 40)))
    return text_of(chosen.get("title") or chosen.get("body")), part(content)


def _button(content: Any) -> tuple[str, Json]:
    return text_of(part(content).get("text")), part(content)


def _order(content: Any) -> tuple[str, Json]:
    lines = [
        f"{text_of(item.get('quantity'), 12)} × {text_of(item.get('product_retailer_id'), MAX_NAME)}"
        for item in dicts(part(content).get("product_items"))
    ]
    return "\n".join(filter(None, [text_of(part(content).get("text")), *lines])), part(content)


def _system(content: Any) -> tuple[str, Json]:
    return text_of(part(content).get("body")), part(content)


def _other(content: Any) -> tuple[str, Json]:
    return text_of(part(content).get("body")), {"content": content} if content else {}


READERS: dict[str, Callable[[Any], tuple[str, Json]]] = {
    "text": _text,
    **dict.fromkeys(MEDIA, _media),
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
    "system": _system,
}
