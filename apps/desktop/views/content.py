"""What a message shows beside its text, by the type that the channel gave it; payloads are WhatsApp's.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/reference/messages
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.html import escape, urlize
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from apps.core.templatetags.ui import money, phone
from apps.desktop.models import Message
from apps.desktop.services.messages.mentions import mention_pattern

STYLES = (
    (re.compile(r"```(.+?)```", re.DOTALL), r"<code>\1</code>"),
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_/])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])"), r"<s>\1</s>"),
)
SHORT = 300  # characters of an advertisement's words
MEDIA = frozenset({"image", "sticker", "audio", "voice", "video", "document"})


@dataclass(frozen=True)
class Card:
    """A block below the text: a place, a person, an order; `lines` are (label, text) pairs, `href` leads outside: `link`."""

    icon: str
    title: str
    lines: tuple[tuple[str, str], ...] = ()
    href: str = ""
    link: str = ""


@dataclass(frozen=True)
class Content:
    """`text` is safe markup; `label` says in a word what was chosen or came; `choices` are the buttons that were offered."""

    text: SafeString = field(default_factory=lambda: mark_safe(""))
    label: str = ""
    icon: str = ""
    cards: tuple[Card, ...] = ()
    choices: tuple[str, ...] = ()
    footer: str = ""


def content_of(message: Message) -> Content:
    """Never fails on a payload it does not know: the text is always shown, and where nothing is, a sentence says so."""
    maker = MAKERS.get(message.kind)
    made = {"text": text_html(message.text), **(maker(message) if maker else {})}
    made["cards"] = (*made.get("cards", ()), *_origin(message.payload))
    shown = made["text"].strip() or made["cards"] or made.get("choices") or message.attachments.all()
    return Content(**(made if shown else {**made, **_unsupported(message)}))


def text_html(text: str) -> SafeString:
    """Escapes, then applies WhatsApp's own marks (*bold*, _italic_, ~struck~, ```code```) and links addresses."""
    html = urlize(escape(text), nofollow=True)
    pieces = re.split(r"(<a [^>]*>.*?</a>)", html)
    return mark_safe("".join(piece if piece.startswith("<a ") else _marked(piece) for piece in pieces))  # noqa: S308  # escaped above


def _marked(html: str) -> str:
    for pattern, replacement in STYLES:
        html = pattern.sub(replacement, html)
    return html


def part_of(payload: Any, name: str) -> dict[str, Any]:
    """The part called `name`, or the payload itself where that already is the part."""
    if not isinstance(payload, dict):
        return {}
    found = payload.get(name, payload)
    return found if isinstance(found, dict) else {}


def _inner(payload: Any, name: str) -> dict[str, Any]:
    found = payload.get(name) if isinstance(payload, dict) else None
    return found if isinstance(found, dict) else {}


def _list_of(payload: Any, name: str) -> list[dict[str, Any]]:
    found = payload.get(name) if isinstance(payload, dict) else payload
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _location(message: Message) -> dict[str, Any]:
    place = part_of(message.payload, "location")
    latitude, longitude = place.get("latitude"), place.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return {"label": _("Location"), "icon": "map-pin"}
    where = f"{latitude:.5f}, {longitude:.5f}"
    href = f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=16/{latitude}/{longitude}"
    lines = tuple(("", str(line)) for line in (place.get("address"), where) if line)
    card = Card("map-pin", str(place.get("name") or _("Location")), lines, href, _("Show on a map"))
    return {"cards": (card,), "text": mark_safe("")}  # the text repeats the place


def _origin(payload: Any) -> tuple[Card, ...]:
    """The advertisement or the product that the contact wrote from."""
    ad, product = _inner(payload, "referral"), _inner(_inner(payload, "context"), "referred_product")
    cards = []
    if ad:
        href = str(ad.get("source_url") or "")
        link = _("Open the advertisement") if href.startswith(("https://", "http://")) else ""
        lines = tuple(("", str(ad[name])[:SHORT]) for name in ("headline", "body") if ad.get(name))
        cards.append(Card("tag", _("Wrote from an advertisement"), lines, href if link else "", link))
    if name := product.get("product_retailer_id"):
        cards.append(Card("shopping-cart", _("Asks about a product"), (("", str(name)[:SHORT]),)))
    return tuple(cards)


def _contacts(message: Message) -> dict[str, Any]:
    people = _list_of(message.payload, "contacts")
    return {"cards": tuple(_person(person) for person in people), "text": text_html("" if people else message.text)}


def _person(person: dict[str, Any]) -> Card:
    name = part_of(person, "name").get("formatted_name") or _("Contact card")
    numbers = [str(row.get("phone") or row.get("wa_id") or "") for row in _list_of(person, "phones")]
    mails = [str(row.get("email") or "") for row in _list_of(person, "emails")]
    lines = [(_("Phone"), phone(number)) for number in numbers if number] + [(_("E-mail"), mail) for mail in mails if mail]
    return Card("contact", str(name), tuple(lines))


def _interactive(message: Message) -> dict[str, Any]:
    part = part_of(message.payload, "interactive")
    for kind in ("button_reply", "list_reply"):
        if isinstance(part.get(kind), dict):
            chosen = part[kind]
            text = str(chosen.get("title") or chosen.get("body") or message.text)
            return {"label": _("Chose"), "icon": "mouse-pointer-click", "text": text_html(text)}
    if isinstance(part.get("nfm_reply"), dict):
        return _form(part["nfm_reply"])
    if isinstance(part.get("call_permission_reply"), dict):
        may = part["call_permission_reply"].get("response") == "accept"
        words = _("You may call me on WhatsApp.") if may else _("Please do not call me on WhatsApp.")
        return {"label": _("Chose"), "icon": "mouse-pointer-click", "text": text_html(words)}
    return {"choices": _offered(part), "footer": str(_inner(part, "footer").get("text", ""))}


def _form(reply: dict[str, Any]) -> dict[str, Any]:
    """What was filled in, each answer under the name that the form has for it."""
    try:
        given = json.loads(str(reply.get("response_json") or "{}"))
    except ValueError:
        given = {}
    answers = given.items() if isinstance(given, dict) else ()
    lines = tuple((str(name).replace("_", " "), _answer(value)) for name, value in answers if name != "flow_token")
    card = Card("list", _("Filled in a form"), lines)
    return {"cards": (card,), "text": text_html("" if lines else str(reply.get("body") or ""))}


def _answer(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _offered(part: dict[str, Any]) -> tuple[str, ...]:
    action = _inner(part, "action")
    buttons = [str(part_of(row, "reply").get("title", "")) for row in _list_of(action, "buttons")]
    rows = [str(row.get("title", "")) for section in _list_of(action, "sections") for row in _list_of(section, "rows")]
    return tuple(title for title in buttons + rows if title)


def _button(message: Message) -> dict[str, Any]:
    text = str(part_of(message.payload, "button").get("text") or message.text)
    return {"label": _("Chose"), "icon": "mouse-pointer-click", "text": text_html(text)}


def _template(message: Message) -> dict[str, Any]:
    part = part_of(message.payload, "template")
    buttons = part.get("buttons")
    offered = tuple(str(title) for title in buttons) if isinstance(buttons, list) else ()
    return {"label": _("Template"), "icon": "layout-template", "choices": offered, "footer": str(part.get("footer") or "")}


def _order(message: Message) -> dict[str, Any]:
    part = part_of(message.payload, "order")
    items = tuple(_item(row) for row in _list_of(part, "product_items"))
    said = str(part.get("text") or ("" if items else message.text))  # without a text of its own it lists the items
    return {"cards": (Card("shopping-cart", _("Order"), items),), "text": text_html(said)}


def _item(row: dict[str, Any]) -> tuple[str, str]:
    name, count = str(row.get("product_retailer_id") or _("Product without a number")), row.get("quantity") or 1
    try:
        price = money(Decimal(str(row.get("item_price"))), str(row.get("currency") or "USD"))
    except ArithmeticError:
        price = str(row.get("item_price") or "")
    return f"{count} × {name}", price


def _unsupported(message: Message) -> dict[str, Any]:
    return {"label": _("Not shown"), "icon": "circle-question-mark", "text": text_html(message.text.strip() or _why_not(message))}


def _why_not(message: Message) -> str:
    if message.author != Message.Author.CONTACT:
        return _("This kind of message cannot be shown here. It stands in WhatsApp.")
    if message.kind in MEDIA:
        return _("The file did not come along. Ask the contact to send it again.")
    if message.kind == "text":
        return _("This message came without words.")
    return _(
        "This kind of message cannot be shown here: WhatsApp does not pass it on. Ask the contact to send it in another form."
    )


def _note(message: Message) -> dict[str, Any]:
    """Colleagues who are named stand out."""
    html = str(text_html(message.text))
    named = message.payload.get("mentions")
    for name in sorted(set(named.values()) if isinstance(named, dict) else (), key=len, reverse=True):
        html = mention_pattern(escape(name)).sub(lambda found: f"<strong>{found[0]}</strong>", html)
    return {"text": mark_safe(html)}  # noqa: S308  # escaped above


def _revoked(message: Message) -> dict[str, Any]:
    theirs = message.author == Message.Author.CONTACT
    words = _("The contact deleted this message.") if theirs else _("This message was deleted in the WhatsApp Business app.")
    return {"label": _("Deleted"), "icon": "trash-2", "text": text_html(words)}


MAKERS: dict[str, Callable[[Message], dict[str, Any]]] = {
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "template": _template,
    "order": _order,
    "note": _note,
    "revoked": _revoked,
    "unsupported": _unsupported,
    "unknown": _unsupported,
}
