"""At the desktop nothing covers what one reads or presses, and what could not be done is said."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.browser.test_desktop import WIDE, acme_desk, open_desk, thread  # noqa: F401
from tests.browser.test_everyone import PHONE, violations
from tests.pages.desk import Desk, hears

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
LOST = (1011, "Live updates are paused. Reconnecting…")
REFUSED = (4403, "Live updates have stopped.")


@pytest.fixture
def desk(acme_desk: Desk) -> Desk:  # noqa: F811
    """The desktop, with a conversation of Bob's that is longer than any screen."""
    for number in range(30):
        hears(acme_desk.mine, f"Line {number}")
    return acme_desk


def box(part: Locator) -> FloatRect:
    """Where the part stands; it has to be seen."""
    found = part.bounding_box()
    assert found is not None, str(part)
    return found


def apart(page: Page, told: Locator, *parts: str) -> None:
    """What is told and the parts, all of them, are on the screen, and it is on none of them."""
    screen, said = page.viewport_size or WIDE, box(told)
    assert said["y"] >= 0 and said["y"] + said["height"] <= screen["height"]
    for part in parts:
        seen = box(page.locator(part).first)
        assert seen["y"] + seen["height"] <= screen["height"], part
        beside = said["x"] >= seen["x"] + seen["width"] or said["x"] + said["width"] <= seen["x"]
        above = said["y"] >= seen["y"] + seen["height"] or said["y"] + said["height"] <= seen["y"]
        assert beside or above, (part, said, seen)


@pytest.mark.parametrize(("code", "words"), [LOST, REFUSED], ids=["lost", "refused"])
@pytest.mark.parametrize(("size", "theme"), [(PHONE, "light"), (WIDE, "dark")], ids=["phone", "wide"])
def test_a_lost_connection_covers_nothing(
    as_person: AsPerson, site: Site, desk: Desk, code: int, words: str, size: dict[str, int], theme: str
) -> None:
    page = as_person("bob@acme.test", "acme", viewport=size, color_scheme=theme)
    page.route_web_socket(re.compile("/ws/"), lambda line: line.close(code=code))
    open_desk(page, site)
    strip = page.get_by_role("status").filter(has_text=words)
    expect(strip).to_be_visible()
    apart(page, strip, ".desk-list-head", ".desk-search", ".desk-rows")
    page.get_by_role("link", name="Tom Becker").click()
    expect(thread(page)).to_contain_text("Line 29")
    apart(page, strip, ".desk-head", ".composer", ".thread")
    assert violations(page) == []
    page.goto(f"{site('acme')}/calls/")
    expect(strip).to_be_visible()
    apart(page, strip, "h1", ".filters")


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_a_toast_does_not_cover_what_is_being_written(as_person: AsPerson, site: Site, desk: Desk, size: dict[str, int]) -> None:
    page = as_person("bob@acme.test", "acme", viewport=size)
    open_desk(page, site, desk.waiting)
    page.get_by_role("button", name="Claim", exact=True).click()
    expect(page.get_by_text("The conversation is yours.")).to_be_visible()
    expect(page.get_by_role("textbox", name="Write a reply…")).to_be_visible()
    apart(page, page.locator(".toast-card"), ".composer", ".desk-head")


def test_what_could_not_be_done_is_said_above_the_dialog(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme", viewport=PHONE).context.new_page()  # htmx logs what could not be reached
    open_desk(page, site, desk.mine)
    page.route("**/snooze", lambda route: route.abort())
    page.locator("#more summary").click()
    page.get_by_role("button", name="Snooze…").click()
    dialog = page.get_by_role("dialog", name="Snooze")
    dialog.get_by_role("button", name="In an hour").click()
    expect(page.get_by_text("The server could not be reached, so nothing was done. Try again.")).to_be_visible()
    assert page.locator(".toasts").evaluate("(list) => list.matches(':popover-open')")
    page.unroute("**/snooze")
    page.route("**/snooze", lambda route: route.fulfill(status=500))
    dialog.get_by_role("button", name="In an hour").click()
    expect(page.get_by_text("That did not work. Load the page again and try once more.")).to_be_visible()
    page.unroute("**/snooze")
    dialog.get_by_role("button", name="In an hour").click()
    expect(dialog).to_be_hidden()


def test_without_a_connection_one_stays_where_one_is(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme", viewport=PHONE).context.new_page()  # htmx logs what could not be reached
    open_desk(page, site, desk.mine)
    page.get_by_role("textbox", name="Write a reply…").fill("In a tunnel")
    page.context.set_offline(True)
    page.get_by_role("link", name="Back to the list").click()
    expect(page.get_by_text("The server could not be reached, so nothing was done. Try again.")).to_be_visible()
    expect(page.get_by_role("textbox", name="Write a reply…")).to_have_value("In a tunnel")
    page.context.set_offline(False)
    page.get_by_role("link", name="Back to the list").click()
    expect(page.get_by_role("link", name="Maria Gonzales")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("link", name="Maria Gonzales").click()
    expect(page.get_by_text("The server could not be reached, so nothing was done. Try again.")).to_be_visible()


def test_a_long_address_stays_in_its_bubble(as_person: AsPerson, site: Site, desk: Desk) -> None:
    asked = hears(desk.mine, f"See https://acme.test/{'0123456789' * 9}", external_id="wamid.asked")
    hears(desk.mine, "This one", reply_to="wamid.asked")
    hears(desk.mine, "Ana", kind="contacts", payload={"contacts": [{"emails": [{"email": "a" * 90}]}]})
    page = as_person("bob@acme.test", "acme", viewport=PHONE)
    open_desk(page, site, desk.mine)
    expect(page.locator(f".said-quote[href='#message-{asked.pk}']")).to_be_visible()
    assert thread(page).evaluate("(box) => box.scrollWidth - box.clientWidth") == 0


def test_a_toast_says_of_whom_it_speaks_once_another_conversation_is_open(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.waiting)
    page.get_by_role("button", name="Claim", exact=True).click()
    said = page.locator("[data-toast]")
    expect(said.get_by_text("The conversation is yours.", exact=True)).to_be_visible()
    page.get_by_role("link", name="Tom Becker").click()
    expect(said.get_by_text("Maria Gonzales: The conversation is yours.", exact=True)).to_be_visible()
    said.get_by_role("button", name="Undo").click()
    expect(said.get_by_text("Given back to the team.")).to_be_visible()
