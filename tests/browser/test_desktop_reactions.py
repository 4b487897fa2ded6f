"""Reacting to a message in a browser: by mouse, by keyboard, in both themes, and heard by a colleague at once."""

from collections.abc import Callable, Iterator

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.tenants.models import Tenant, User
from tests.browser.test_desktop import realtime  # noqa: F401
from tests.browser.test_everyone import PHONE, sideways, violations
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


def open_mine(page: Page, site: Site, desk: Desk) -> None:
    page.goto(f"{site('acme')}/desktop/{desk.mine.pk}/?view=all")


@pytest.mark.usefixtures("realtime")
def test_bob_reacts_and_alice_sees_it(as_person: AsPerson, site: Site, desk: Desk) -> None:
    bob, alice = as_person("bob@acme.test", "acme"), as_person("alice@acme.test", "acme", color_scheme="dark")
    open_mine(bob, site, desk)
    open_mine(alice, site, desk)
    expect(alice.get_by_label("React to this message of Tom Becker")).to_have_count(0)
    last = bob.get_by_label("React to this message of Tom Becker").last
    last.focus()
    last.press("Enter")
    thanks = bob.get_by_role("button", name="🙏")
    expect(thanks).to_be_visible()
    assert violations(bob) == []
    thanks.press("Enter")
    expect(bob.locator(".said-reactions")).to_contain_text("🙏")
    expect(alice.locator(".said-reactions")).to_contain_text("Bob: 🙏")
    last.click()
    bob.get_by_title("Take it back").click()
    expect(alice.locator(".said-reactions")).to_have_count(0)


def test_on_a_phone(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme", viewport=PHONE, has_touch=True)
    open_mine(page, site, desk)
    page.get_by_label("React to this message of Tom Becker").last.tap()
    panel = page.locator(".said-react[open] form")
    expect(panel).to_be_in_viewport(ratio=1)
    assert sideways(page) == 0
    page.get_by_role("button", name="👍").tap()
    expect(page.locator(".said-reactions")).to_contain_text("👍")
