"""Reading a conversation: the end stays in sight, and what comes below while one reads above waits there unread."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.desktop.models import Conversation
from apps.desktop.services.messages import message_reaction_set
from tests.browser.test_desktop import acme_desk, live_page, open_desk, realtime, thread  # noqa: F401
from tests.browser.test_everyone import PHONE
from tests.pages.desk import Desk, hears

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


@pytest.fixture
def desk(acme_desk: Desk) -> Desk:  # noqa: F811
    """The desktop, with a conversation of Bob's that is longer than any screen."""
    for number in range(30):
        hears(acme_desk.mine, f"Line {number}")
    return acme_desk


def test_the_end_of_the_thread_stays_in_sight_when_room_is_taken(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme", viewport=PHONE)
    open_desk(page, site, desk.mine)
    thread(page).evaluate("(box) => { box.scrollTop = box.scrollHeight; }")
    end = thread(page).get_by_text("Line 29")
    expect(end).to_be_in_viewport(ratio=1)
    page.get_by_role("textbox", name="Write a reply…").fill("One\n" * 6)
    expect(end).to_be_in_viewport(ratio=1)


@pytest.mark.usefixtures("realtime")
def test_what_comes_below_while_one_reads_above_waits_unread(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = live_page(as_person, site, "bob", desk.mine)
    thread(page).evaluate("(box) => { box.scrollTop = 200; }")
    new = hears(desk.mine, "And the shade?")
    told = page.get_by_role("button", name="New messages")
    expect(told).to_be_visible()
    message_reaction_set(external_id=str(new.external_id), who="ai", emoji="👍")
    expect(page.locator(f"#message-{new.pk}")).to_contain_text("👍")
    expect(told).to_be_visible()
    assert Conversation.objects.get(pk=desk.mine.pk).unread == 1
    told.click()
    expect(page.locator(f"#message-{new.pk}")).to_be_in_viewport()
    expect(page.locator(f"#row-{desk.mine.pk} .chat-new")).to_have_count(0)
    expect(told).to_be_hidden()
