"""What every template can say: icons, components with a slot, and how times, money and numbers are written."""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import phonenumbers
from django import template
from django.template.context import Context
from django.templatetags.static import static
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from apps.core.currencies import places_of

register = template.Library()

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
# What a browser says of itself: each says the names of those that came before it, so the first that fits counts.
BROWSERS: tuple[tuple[str, str], ...] = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS: tuple[tuple[str, str], ...] = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """A decorative icon of the sprite (frontend/icons.json); the words beside it carry the meaning."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>', css, static("ui/icons.svg"), name
    )


@register.simple_block_tag(takes_context=True)
def component(context: Context, content: str, name: str, **values: Any) -> SafeString:
    """Renders templates/components/<name>.html; what stands between the tags is its `slot`."""
    found = context.template.engine.get_template(f"components/{name}.html")  # type: ignore[union-attr]
    with context.push(slot=content, **values):
        return found.render(context)


@register.filter
def clock(seconds: float | Decimal | None) -> str:
    """Seconds as 3:07, or 1:02:09 from an hour on; a dash when unknown."""
    if seconds is None:
        return "–"
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def seconds(value: float | None) -> str:
    """A latency with two places, such as 0.92 s; a dash when it was not measured."""
    return "–" if value is None else f"{number_format(round(value, 2), 2)} s"


@register.filter
def money(amount: Decimal | None, currency: str = "USD") -> str:
    """An amount with its currency and that one's places; what would round to nothing is less than a cent, or a yen."""
    return "–" if amount is None else _money(amount, currency, places_of(currency))


@register.filter
def moneys(amounts: Mapping[str, Decimal] | None) -> str:
    """Sums by currency, each by itself, since they cannot be added up; a dash where there are none."""
    return ", ".join(money(amount, currency) for currency, amount in sorted((amounts or {}).items())) or "–"


@register.filter
def unit_money(amount: Decimal | None, currency: str = "USD") -> str:
    """A unit price, or a part of a small amount: with two places more than what is paid."""
    return "–" if amount is None else _money(amount, currency, places_of(currency) + 2)


def _money(amount: Decimal, currency: str, places: int) -> str:
    least = Decimal(1).scaleb(-places)
    rounded = amount.copy_abs().quantize(least, ROUND_HALF_UP)
    tiny = bool(amount) and not rounded
    written = number_format(least if tiny else rounded, places, force_grouping=True)
    symbol = SYMBOLS.get(currency)
    sign = "< " if tiny else "-" if amount < 0 else ""
    return f"{sign}{symbol}{written}" if symbol else f"{sign}{written} {currency}"


@register.filter
def phone(number: str | None) -> str:
    """An E.164 number in its country's international form; anything else, such as an extension, as it came."""
    if not number or not number.startswith("+"):
        return number or ""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@register.filter
def device(agent: str | None) -> str:
    """A User-Agent header in words, such as Firefox on Windows; the header itself, shortened, where it names neither."""
    text = agent or ""
    browser = next((name for mark, name in BROWSERS if mark in text), "")
    system = next((name for mark, name in SYSTEMS if mark in text), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or text[:60] or "–"


@register.filter
def initials(name: object) -> str:
    """One or two letters for an avatar; a phone number, which has none, gives a hash."""
    if re.fullmatch(r"[+\d][\d\s()-]+", str(name)):
        return "#"
    words = str(name).replace("@", " ").replace(".", " ").split()
    return "".join(word[0] for word in words[:2]).upper() or "?"
