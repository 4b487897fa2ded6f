"""Writing first and naming a colleague, in a browser: by keyboard, on a phone, and in both themes."""

from collections.abc import Callable, Iterator

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.desktop.models import Mention
from apps.tenants.models import Tenant, User
from apps.whatsapp.services.numbers import mapping_set
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.pages.desk import LINE, Desk, desk_channel, desk_make

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


@pytest.fixture
def desk(transactional_db: None) -> Iterator[Desk]:
    acme = Tenant.objects.get(schema_name="acme")
    alice, bob = (User.objects.get(email=f"{name}@acme.test") for name in ("alice", "bob"))
    with desk_channel(), tenant_context(acme):
        made = desk_make(alice, bob)
        mapping_set(phone_number_id=LINE, label="Main", team="support")
        yield made


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark", "viewport": PHONE}], ids=["desk", "phone"])
def test_bob_writes_first_with_a_template(as_person: AsPerson, site: Site, desk: Desk, options: dict[str, object]) -> None:
    page = as_person("bob@acme.test", "acme", **options)
    page.goto(f"{site('acme')}/desktop/?view=all")
    page.get_by_role("button", name="Write to somebody").click()
    page.get_by_label("Phone number").fill("+44 7700 900123")
    assert violations(page) == [] and sideways(page) == 0
    page.get_by_role("button", name="Next").click()
    page.get_by_text("we_missed_you").click()
    assert violations(page) == [] and sideways(page) == 0
    page.get_by_role("button", name="Send this template").last.click()
    expect(page.get_by_role("log")).to_contain_text("You wrote first")
    expect(page.get_by_role("log")).to_contain_text("May we write to you again?")


def test_bob_names_alice_in_a_note(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    page.goto(f"{site('acme')}/desktop/{desk.mine.pk}/?view=all")
    page.locator("[data-mode-choice=note]").click()
    field = page.locator("#composer-text")
    field.press_sequentially("@ali")
    option = page.locator("#canned").get_by_role("option")
    expect(option).to_contain_text("Alice")
    assert violations(page) == []
    field.press("Enter")
    field.press_sequentially("can you look?")
    field.press("Enter")
    expect(page.locator(".said-note strong")).to_contain_text("@Alice")
    assert Mention.objects.count() == 1
    page.locator("[data-mode-choice=reply]").click()
    field.press_sequentially("mail me @ali")
    expect(page.locator("#canned")).to_be_hidden()
