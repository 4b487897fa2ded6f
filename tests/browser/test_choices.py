"""Forms that submit themselves on a choice: at once by pointer, by keyboard once it is left. The filters' button is a phone's."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from apps.calls.models import Call
from apps.tenants.models import Membership, Role, Tenant
from apps.tenants.services import person_add
from tests.browser.test_everyone import PHONE, sideways
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
DORA = "dora@acme.test"


@pytest.fixture
def dora(transactional_db: None) -> Iterator[Membership]:
    acme = Tenant.objects.get(schema_name="acme")
    yield person_add(tenant=acme, email=DORA, role=Role.AGENT, name="Dora", password=PASSWORD)
    Membership.objects.filter(user__email=DORA).delete()


def role_of(member: Membership) -> str:
    return Membership.objects.get(pk=member.pk).role


PLAIN = "select { appearance: auto !important }"  # as in a browser that knows no list of the page's own


def test_arrow_keys_pass_through_roles(as_person: AsPerson, site: Site, dora: Membership) -> None:
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/people/")
    page.add_style_tag(content=PLAIN)
    choice = page.get_by_label("Role of Dora")
    choice.focus()
    page.keyboard.press("ArrowUp")
    expect(choice).to_have_value(Role.SUPERVISOR)
    page.keyboard.press("ArrowUp")
    expect(choice).to_have_value(Role.ADMIN)
    assert role_of(dora) == Role.AGENT
    page.keyboard.press("Escape")
    expect(choice).to_have_value(Role.AGENT)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Dora is now Supervisor.")).to_be_visible()
    assert role_of(dora) == Role.SUPERVISOR


def test_enter_and_a_pointer_settle_a_role(as_person: AsPerson, site: Site, dora: Membership) -> None:
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/people/")
    page.add_style_tag(content=PLAIN)
    page.get_by_label("Role of Dora").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Dora is now Supervisor.")).to_be_visible()
    page.get_by_label("Role of Dora").select_option(label="Finance")
    expect(page.get_by_text("Dora is now Finance.")).to_be_visible()
    assert role_of(dora) == Role.FINANCE


def test_a_role_is_picked_from_the_open_list_by_keyboard(as_person: AsPerson, site: Site, dora: Membership) -> None:
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/people/")
    page.get_by_label("Role of Dora").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert role_of(dora) == Role.AGENT
    page.keyboard.press("Enter")
    expect(page.get_by_text("Dora is now Supervisor.")).to_be_visible()
    assert role_of(dora) == Role.SUPERVISOR


def test_the_filters_button_is_a_phones(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme", viewport={"width": 1440, "height": 900})
    page.goto(f"{site('acme')}/calls/")
    button = page.get_by_role("button", name="Filters", exact=True)
    expect(page.get_by_label("State", exact=True)).to_be_visible()
    expect(button).to_be_hidden()
    assert sideways(page) <= 0
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    expect(page.get_by_label("State", exact=True)).to_be_hidden()
    button.click()
    expect(page.get_by_label("State", exact=True)).to_be_visible()
