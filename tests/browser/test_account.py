"""What a company's admin sets up once: numbers, API keys and webhooks, beside the dashboard. In both themes and on a phone."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from apps.calls.models import Call

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
PAGES = (
    *(
        "/",
        "/compass/numbers/",
        "/compass/numbers/phone/new",
        "/compass/numbers/whatsapp/new",
        "/compass/numbers/trunks/new",
        "/compass/keys/",
        "/compass/keys/new",
    ),
    *("/compass/webhooks/", "/compass/webhooks/new"),
)
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def test_an_admin_makes_a_key_and_a_number(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/compass/keys/")
    page.get_by_role("link", name="New API key").first.click()
    page.get_by_label("Name").fill("The shop")
    page.get_by_label("Conversations").select_option(label="read")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#key-text")).to_contain_text("mk_")
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("button", name="Revoke The shop").click()
    expect(page.get_by_text("No API key yet")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Revoke The shop")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_clean(
    as_person: AsPerson, site: Site, acme_calls: list[Call], scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    page = as_person("alice@acme.test", "acme", color_scheme=scheme)
    for path in PAGES:
        page.goto(f"{site('acme')}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        page.screenshot(path=tmp_path / f"{scheme}{path.replace('/', '_')}.png", full_page=True)
        page.set_viewport_size({"width": 360, "height": 780})
        assert not page.evaluate(SIDEWAYS), path
        page.screenshot(path=tmp_path / f"{scheme}{path.replace('/', '_')}360.png", full_page=True)
        page.set_viewport_size({"width": 1440, "height": 900})
