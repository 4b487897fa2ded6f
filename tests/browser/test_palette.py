"""The command palette: Escape closes it, and whoever opened it is back where they were."""

import re
from collections.abc import Callable, Iterator

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Locator, Page, expect

from apps.tenants.models import Tenant, User
from tests.pages.desk import Desk, desk_channel, desk_make

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


@pytest.fixture
def desk(transactional_db: None) -> Iterator[Desk]:
    acme = Tenant.objects.get(schema_name="acme")
    alice, bob = (User.objects.get(email=f"{name}@acme.test") for name in ("alice", "bob"))
    with desk_channel(), tenant_context(acme):
        yield desk_make(alice, bob)


@pytest.fixture
def page(as_person: AsPerson, site: Site, desk: Desk) -> Page:
    """Bob's own conversation at the desk, which Escape would close as well."""
    page = as_person("bob@acme.test", "acme", viewport={"width": 1440, "height": 900})
    page.goto(f"{site('acme')}/desktop/{desk.mine.pk}/?view=mine")
    return page


def palette(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Commands")


def palette_open_and_escape(page: Page) -> None:
    """With something typed, and another command chosen."""
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search commands")).to_be_focused()
    page.keyboard.type("theme")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(palette(page)).to_be_hidden()


def still_there(page: Page, desk: Desk) -> None:
    """The conversation, which Escape leaves where nothing is open above it."""
    expect(page).to_have_url(re.compile(f"/desktop/{desk.mine.pk}/"))
    expect(page.get_by_role("heading", name="Tom Becker")).to_be_visible()


def test_back_to_what_was_written(page: Page, desk: Desk) -> None:
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("Half a sent")
    palette_open_and_escape(page)
    expect(write).to_be_focused()
    page.keyboard.type("ence")
    expect(write).to_have_value("Half a sentence")
    still_there(page, desk)


def test_back_to_a_link(page: Page, desk: Desk) -> None:
    row = page.get_by_role("link", name="Tom Becker").first
    row.focus()
    palette_open_and_escape(page)
    expect(row).to_be_focused()
    still_there(page, desk)


def test_back_into_a_menu(page: Page, desk: Desk) -> None:
    page.locator("#desk-filters > summary").click()
    field = page.locator("#desk-filters select:visible").last
    field.focus()
    palette_open_and_escape(page)
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(page.locator("#desk-filters > summary")).to_be_focused()
    still_there(page, desk)


@pytest.mark.parametrize(
    ("key", "opener", "dialog", "held"),
    [("a", None, "Assign to a colleague", "button"), (None, "Edit the contact", "Edit the contact", "input")],
    ids=["dialog", "drawer"],
)
def test_over_a_dialog_only_the_palette_closes(
    page: Page, desk: Desk, key: str | None, opener: str | None, dialog: str, held: str
) -> None:
    if key:
        page.keyboard.press(key)
    else:
        page.get_by_role("button", name=opener, exact=True).click()
    below = page.get_by_role("dialog", name=dialog)
    last = below.locator(f"{held}:visible").last
    last.focus()
    palette_open_and_escape(page)
    expect(below).to_be_visible()
    expect(last).to_be_focused()
    still_there(page, desk)
    page.keyboard.press("Escape")
    expect(below).to_be_hidden()
    still_there(page, desk)
    page.keyboard.press("Escape")
    expect(page.get_by_text("No conversation is open")).to_be_visible()
