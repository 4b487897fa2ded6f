"""Every page for everyone: axe finds nothing in either theme, and a phone's screen needs no sideways scroll."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from apps.calls.models import Call

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]

PHONE = {"width": 360, "height": 740}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOGGED_IN = (
    "/",
    "/calls/",
    "/calls/?state=failed",
    "/calls/{talked}/",
    "/calls/{talked}/#timeline",
    "/calls/{missed}/",
    "/nothing",
)
ANONYMOUS = ("/login", "/call/reception", "/call/nobody")


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


def ids(calls: list[Call]) -> dict[str, str]:
    return {name: str(call.pk) for name, call in zip(("talked", "missed", "running"), calls, strict=True)}


def sideways(page: Page) -> int:
    overflow: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return overflow


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(as_person: AsPerson, site: Site, acme_calls: list[Call], theme: str) -> None:
    page = as_person("alice@acme.test", "acme", color_scheme=theme, reduced_motion="reduce")
    found = {}
    for path in LOGGED_IN + ANONYMOUS:
        page.goto(site("acme") + path.format(**ids(acme_calls)))
        found[path] = violations(page)
    page.goto(site(""))
    found["home"] = violations(page)
    assert {path: list_ for path, list_ in found.items() if list_} == {}


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_what_opens(as_person: AsPerson, site: Site, acme_calls: list[Call], theme: str) -> None:
    page = as_person("alice@acme.test", "acme", color_scheme=theme, reduced_motion="reduce")
    page.get_by_text("Alice", exact=True).click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    for key in ("?", "Control+k"):
        page.keyboard.press(key)
        assert violations(page) == [], key
        page.keyboard.press("Escape")


def test_a_phone_needs_no_sideways_scroll(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme", viewport=PHONE)
    for path in LOGGED_IN + ANONYMOUS:
        page.goto(site("acme") + path.format(**ids(acme_calls)))
        assert sideways(page) <= 0, path
    page.goto(site(""))
    assert sideways(page) <= 0


def test_the_menu_on_a_phone(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme", viewport=PHONE)
    calls = page.get_by_role("link", name="Calls", exact=True)
    assert not calls.is_visible()
    page.get_by_role("button", name="Open the menu").click()
    assert violations(page) == []
    calls.click()
    page.wait_for_url("**/calls/")
