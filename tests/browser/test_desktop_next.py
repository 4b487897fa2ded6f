"""From one conversation to the next: by key, by button, and by itself after resolving; and the order they come in."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.desktop.models import Conversation
from apps.desktop.services.conversations import conversation_claim
from apps.tenants.models import User
from tests.browser.test_desktop import acme_desk, open_desk  # noqa: F401
from tests.pages.desk import Desk, chat, hears

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


@pytest.fixture
def bobs(acme_desk: Desk) -> list[Conversation]:  # noqa: F811
    """Three of bob's, the latest first; one more waits for anybody."""
    bob = User.objects.get(email="bob@acme.test")
    made = [acme_desk.mine]
    for name, ago in (("Second Person", 2000), ("Third Person", 4000)):
        conversation = chat(name, agent=False)
        hears(conversation, ago=ago)
        made.append(conversation_claim(conversation_id=conversation.pk, user_id=bob.pk))
    return made


def test_a_key_goes_through_the_list_and_round(as_person: AsPerson, site: Site, bobs: list[Conversation]) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, bobs[0], view="mine")
    for name in ("Second Person", "Third Person", "Tom Becker"):
        page.keyboard.press(".")
        expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_after_resolving_the_next_is_one_press_away(as_person: AsPerson, site: Site, bobs: list[Conversation]) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, bobs[1], view="mine")
    page.keyboard.press("e")
    page.get_by_role("dialog", name="Resolve").get_by_role("button", name="Resolve").click()
    expect(page.locator(".chat-row")).to_have_count(2)
    page.locator(".composer-bar").get_by_role("button", name="Next conversation").click()
    expect(page.get_by_role("heading", name="Third Person")).to_be_visible()


def test_who_wants_it_goes_on_by_themselves_and_can_take_it_back(
    as_person: AsPerson, site: Site, bobs: list[Conversation]
) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, bobs[1], view="mine")
    page.locator("#presence > summary").click()
    page.get_by_role("button", name="Notifications and habits").click()
    page.get_by_label("After resolving, open the next conversation").check()
    page.get_by_role("dialog", name="Your desktop").get_by_role("button", name="Save").click()
    expect(page.locator("#desk-list[data-opens-next]")).to_have_count(1)
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Third Person")).to_be_visible()
    expect(page.locator(".chat-row")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".chat-row")).to_have_count(3)
    page.get_by_role("link", name="Open", exact=True).click()
    expect(page.get_by_role("heading", name="Second Person")).to_be_visible()
    assert Conversation.objects.get(pk=bobs[1].pk).status == "open"


def test_what_was_reopened_by_mistake_is_resolved_again(as_person: AsPerson, site: Site, bobs: list[Conversation]) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, bobs[1], view="mine")
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Reopen").click()
    page.locator("[data-toast]", has_text="Open again.").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("It is back where it was.")).to_be_visible()
    expect(page.get_by_text("This conversation is resolved.")).to_be_visible()
    assert Conversation.objects.get(pk=bobs[1].pk).status == "resolved"


def test_an_empty_list_says_who_waits_elsewhere(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:  # noqa: F811
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, acme_desk.mine, view="mine")
    page.keyboard.press(".")
    expect(page.get_by_text("Nothing else is in this list. 1 more")).to_be_visible()
    page.get_by_role("link", name="Open", exact=True).click()
    expect(page.locator("#view-unassigned")).to_have_attribute("aria-current", "true")


def test_the_order_is_chosen_and_stays(as_person: AsPerson, site: Site, bobs: list[Conversation]) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, view="mine")
    rows = page.locator(".chat-row")
    expect(rows.first).to_contain_text("Tom Becker")
    page.locator("#desk-sort > summary").click()
    page.get_by_role("button", name="Longest waiting first").click()
    expect(rows.first).to_contain_text("Third Person")
    page.reload()
    expect(rows.first).to_contain_text("Third Person")
    expect(page.locator("#desk-sort > summary")).to_contain_text("Longest waiting first")
