"""Getting in and out."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser
Site = Callable[[str], str]


def test_a_wrong_password_says_what_to_do(open_page: Open, site: Site, transactional_db: None) -> None:
    page = open_page()
    page.goto(f"{site('acme')}/calls/")
    page.get_by_label("E-mail").fill("alice@acme.test")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not go together")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site('acme')}/calls/")


def test_from_the_front_page_to_ones_company_and_out_again(open_page: Open, site: Site, transactional_db: None) -> None:
    page = open_page()
    page.goto(site(""))
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("E-mail").fill("alice@acme.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Today at Acme")).to_be_visible()
    page.get_by_text("Alice", exact=True).click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{site('acme')}/login")


def test_a_stranger_cannot_log_in_at_another_company(open_page: Open, site: Site, transactional_db: None) -> None:
    page = open_page()
    page.goto(f"{site('acme')}/login")
    page.get_by_label("E-mail").fill("charlie@globex.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_theme_is_kept(as_person: Callable[..., Page], site: Site) -> None:
    page = as_person("alice@acme.test", "acme", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_text("Alice", exact=True).click()
    page.get_by_role("button", name="Theme: dark").click()
    assert page.evaluate(ground) != light
    dark = page.evaluate(ground)
    page.goto(f"{site('acme')}/calls/")
    assert page.evaluate(ground) == dark
    page.keyboard.press("Control+k")
    page.keyboard.type("system")
    page.keyboard.press("Enter")
    assert page.evaluate(ground) == light
