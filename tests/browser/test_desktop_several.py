"""Several conversations of the list at once, by mouse, by keyboard and on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.desktop.models import Conversation
from apps.desktop.services.conversations import conversation_claim
from apps.tenants.models import User
from tests.browser.test_desktop import acme_desk, open_desk  # noqa: F401
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.pages.desk import Desk, chat, hears

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


@pytest.fixture
def five(acme_desk: Desk) -> list[Conversation]:  # noqa: F811
    """Nobody's, the latest first, and one of alice's among them."""
    made = []
    for place, name in enumerate(("First", "Second", "Third", "Fourth", "Fifth")):
        conversation = chat(f"{name} Person", agent=False)
        hears(conversation, ago=1000 + 1000 * place)
        made.append(conversation)
    conversation_claim(conversation_id=made[1].pk, user_id=User.objects.get(email="alice@acme.test").pk)
    return made


def test_a_range_is_resolved_but_for_what_a_colleague_holds(as_person: AsPerson, site: Site, five: list[Conversation]) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, view="all")
    page.get_by_label("Select First Person").check()
    page.get_by_label("Select Fourth Person").click(modifiers=["Shift"])
    expect(page.locator("[data-bulk-count]")).to_have_text("4 selected")
    page.get_by_role("button", name="Resolve those selected").click()
    page.get_by_role("dialog", name="Resolve those selected").get_by_role("button", name="Resolve").click()
    expect(page.get_by_text("3 resolved, 1 not: claimed by Alice.")).to_be_visible()
    expect(page.get_by_role("link", name="First Person")).to_have_count(0)
    expect(page.get_by_role("link", name="Second Person")).to_be_visible()
    expect(page.locator(".desk-list[data-picking]")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="First Person")).to_be_visible()
    statuses = Conversation.objects.filter(pk__in=[one.pk for one in five]).values_list("status", flat=True)
    assert set(statuses) == {"open"}


def test_by_keyboard_alone(as_person: AsPerson, site: Site, five: list[Conversation]) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, five[0], view="all")
    page.keyboard.press("x")
    expect(page.get_by_label("Select First Person")).to_be_checked()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-bulk-count]")).to_have_text("2 selected")
    page.keyboard.press("Escape")
    expect(page.locator(".desk-list[data-picking]")).to_have_count(0)
    expect(page.get_by_role("heading", name="First Person")).to_be_visible()
    page.keyboard.press("x")
    page.keyboard.press("a")
    page.get_by_role("dialog", name="Assign those selected").get_by_role("button", name="Bob").click()
    expect(page.get_by_text("1 assigned to Bob.")).to_be_visible()


def test_what_leaves_the_list_leaves_the_selection(as_person: AsPerson, site: Site, five: list[Conversation]) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, view="unassigned")
    page.get_by_label("Select all that are shown").check()
    expect(page.locator("[data-bulk-count]")).to_have_text("5 selected")
    conversation_claim(conversation_id=five[0].pk, user_id=User.objects.get(email="alice@acme.test").pk)
    page.evaluate("document.dispatchEvent(new CustomEvent('changed'))")
    expect(page.locator("[data-bulk-count]")).to_have_text("4 selected")
    page.get_by_role("link", name="Third Person").click(modifiers=["Shift"])
    expect(page.get_by_label("Select Third Person")).to_be_checked()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(as_person: AsPerson, site: Site, five: list[Conversation], scheme: str) -> None:
    page = as_person("bob@acme.test", "acme", viewport=PHONE, color_scheme=scheme, has_touch=True)
    open_desk(page, site, view="all")
    page.get_by_label("Select all that are shown").check()
    expect(page.get_by_role("button", name="Resolve those selected")).to_be_in_viewport()
    assert not sideways(page)
    assert violations(page) == []
    page.get_by_role("button", name="Snooze those selected").click()
    expect(page.get_by_role("dialog", name="Snooze those selected").get_by_role("button", name="In an hour")).to_be_visible()
    assert violations(page) == []
