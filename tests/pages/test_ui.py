"""How times, money and numbers are written, and that every icon a template names is in the sprite."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.template import Context, Template

from apps.core.templatetags.ui import clock, device, initials, money, moneys, phone, seconds, unit_money

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "–"), (0, "0:00"), (187.9, "3:07"), (3729, "1:02:09"), (Decimal("59.999"), "0:59"), (-4, "0:00")],
)
def test_durations(value: float | None, written: str) -> None:
    assert clock(value) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (None, "–"),
        (Decimal("0"), "$0.00"),
        (Decimal("1234.5"), "$1,234.50"),
        (Decimal("0.0213"), "$0.02"),
        (Decimal("0.0003"), "< $0.01"),
        (Decimal("0.005"), "$0.01"),
        (Decimal("0.999999"), "$1.00"),
        (Decimal("-3"), "-$3.00"),
    ],
)
def test_money(amount: Decimal | None, written: str) -> None:
    assert money(amount) == written


@pytest.mark.parametrize(
    ("amount", "currency", "written", "unit_price"),
    [
        ("1234.5", "JPY", "1,235 JPY", "1,234.50 JPY"),
        ("1234.5", "KRW", "1,235 KRW", "1,234.50 KRW"),
        ("0.4", "CLP", "< 1 CLP", "0.40 CLP"),
        ("-3", "ISK", "-3 ISK", "-3.00 ISK"),
        ("0", "JPY", "0 JPY", "0.00 JPY"),
        ("1.23", "KWD", "1.230 KWD", "1.23000 KWD"),
        ("0.0004", "BHD", "< 0.001 BHD", "0.00040 BHD"),
        ("1234.5", "CHF", "1,234.50 CHF", "1,234.5000 CHF"),
        ("1234.5", "EUR", "€1,234.50", "€1,234.5000"),
    ],
)
def test_money_has_its_currencys_places(amount: str, currency: str, written: str, unit_price: str) -> None:
    assert (money(Decimal(amount), currency), unit_money(Decimal(amount), currency)) == (written, unit_price)


def test_sums_in_two_currencies_stay_two() -> None:
    assert moneys({"USD": Decimal("1.5"), "JPY": Decimal(200)}) == "200 JPY, $1.50"
    assert (moneys({}), moneys(None)) == ("–", "–")


def test_unit_prices_have_four_places_and_unknown_currencies_their_code() -> None:
    assert unit_money(Decimal("0.00031"), "EUR") == "€0.0003"
    assert unit_money(Decimal("0.000049")) == "< $0.0001"
    assert money(Decimal("5"), "CHF") == "5.00 CHF"


@pytest.mark.parametrize(
    ("number", "written"),
    [("+493012345678", "+49 30 12345678"), ("201", "201"), ("", ""), (None, ""), ("+nonsense", "+nonsense")],
)
def test_phone_numbers(number: str | None, written: str) -> None:
    assert phone(number) == written


def test_latencies_and_initials() -> None:
    assert seconds(0.926) == "0.93 s"
    assert seconds(None) == "–"
    assert [initials("Alice Example"), initials("bob@acme.test"), initials("")] == ["AE", "BA", "?"]
    assert [initials("+1 555-000-0015"), initials("+493012345678"), initials("4711 Cologne")] == ["#", "#", "4C"]


def test_a_component_shows_its_slot_and_escapes_values() -> None:
    text = '{% load ui %}{% component "note" icon="info" tone=tone %}<b>{{ words }}</b>{% endcomponent %}'
    html = Template(text).render(Context({"tone": "plain", "words": "<script>"}))
    assert "<b>&lt;script&gt;</b>" in html
    assert "note-plain" in html


def test_every_icon_is_in_the_sprite() -> None:
    sprite = set(json.loads((ROOT / "frontend" / "icons.json").read_text()))
    named = re.compile(r'{% icon "([a-z0-9-]+)"|icon="([a-z0-9-]+)"')
    used = {one or other for path in (ROOT / "templates").rglob("*.html") for one, other in named.findall(path.read_text())}
    assert used <= sprite


def test_no_template_carries_script_or_style_of_its_own() -> None:
    """The content policy would refuse them. Mails are no pages: they bring their style, since they may fetch nothing."""
    inline = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|<style|javascript:")
    pages = [path for path in (ROOT / "templates").rglob("*.html") if path.parent.name not in ("emails", "email")]
    assert [path.name for path in pages if inline.search(path.read_text())] == []


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
            "Chrome on Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0", "Firefox on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "–"),
    ],
)
def test_a_browser_in_words(agent: str, words: str) -> None:
    assert device(agent) == words
