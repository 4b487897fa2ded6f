"""The calls list and a call's page, by mouse and by keyboard."""

import re
from collections.abc import Callable

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.calls.models import Call
from apps.tenants.models import Tenant
from tests.browser.test_everyone import PHONE, sideways
from tests.pages.factories import call_make

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


def test_filters_are_kept_in_the_address(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_label("State").select_option("missed")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("+1 415-555-0123")
    page.wait_for_url("**/calls/?state=missed")
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_label("Number or name").fill("nobody like this")
    expect(page.get_by_text("No call matches")).to_be_visible()
    page.get_by_role("link", name="Show all calls").click()
    expect(rows).to_have_count(3)


def test_sorting_by_a_heading(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/")
    page.get_by_role("link", name="Started").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Started")
    expect(page.locator("tbody tr").first).to_contain_text("Maria Gonzales")


def test_paging(as_person: AsPerson, site: Site, transactional_db: None) -> None:
    with tenant_context(Tenant.objects.get(schema_name="acme")):
        for number in range(27):
            call_make(ago=60.0 * number, caller_name=f"Caller {number:02}")
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("26–27 of 27")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_by_keyboard(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/calls/")
    page.keyboard.press("/")
    expect(page.get_by_label("Number or name")).to_be_focused()
    page.get_by_label("Number or name").blur()
    for key in ("j", "j", "j", "k"):
        page.keyboard.press(key)
    expect(page.locator("tr[data-current]")).to_contain_text("+1 415-555-0123")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Maria Gonzales")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Commands")).to_be_visible()
    page.keyboard.type("go dash")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Today at Acme")).to_be_visible()


def test_a_call_as_a_conversation(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/{acme_calls[0].pk}/")
    turns = page.get_by_role("list", name="Conversation").get_by_role("listitem")
    expect(turns).to_have_count(5)
    expect(turns.nth(1)).to_contain_text("really annoying")
    expect(turns.nth(1)).to_contain_text("negative")
    expect(turns.nth(2)).to_contain_text("interrupted")
    expect(page.get_by_role("figure", name="The caller's mood went from negative to positive")).to_be_visible()
    expect(page.locator("[data-chart-place] canvas")).to_have_count(2)
    expect(page.get_by_role("table", name="What the call cost")).to_contain_text("gpt-4o-mini")
    facts = page.get_by_role("region", name="Facts")
    expect(facts.locator("time").first).to_have_text(re.compile(r"\d{4}, \d{1,2}:\d\d:\d\d [AP]M"))
    expect(facts.locator("time").last).to_have_text(re.compile(r"^\d\d:\d\d:\d\d [AP]M$"))


def test_the_chosen_tab_is_in_the_address(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/{acme_calls[0].pk}/")
    page.get_by_role("tab", name="Conversation").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tabpanel", name="Timeline")).to_contain_text("Tool order_status answered after 0.21 s")
    page.reload()
    expect(page.get_by_role("tab", name="Timeline")).to_have_attribute("aria-selected", "true")
    page.get_by_text("started the ringing tone").click()
    expect(page.locator("pre").first).to_contain_text('"source"')


def test_what_a_hint_refetches_leaves_the_persons_choices_alone(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/{acme_calls[2].pk}/#timeline")
    expect(page.get_by_role("tab", name="Timeline")).to_have_attribute("aria-selected", "true")
    with tenant_context(Tenant.objects.get(schema_name="acme")):
        Call.objects.filter(pk=acme_calls[2].pk).update(state="failed", ended_reason="error", detail="The model never answered.")
    page.locator("#call").dispatch_event("live")
    expect(page.get_by_text("The model never answered.")).to_be_visible()
    expect(page.get_by_role("tab", name="Timeline")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tabpanel", name="Timeline")).to_be_visible()
    expect(page.locator("#panel-conversation")).to_be_hidden()


def test_an_agent_has_no_costs_and_an_outsider_no_call(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("bob@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/{acme_calls[0].pk}/")
    expect(page.get_by_role("list", name="Conversation")).to_be_visible()
    expect(page.get_by_role("heading", name="Cost")).to_have_count(0)
    expect(page.get_by_role("tab", name="Timeline")).to_have_count(0)
    outside = as_person("charlie@globex.test", "globex")
    answer = outside.goto(f"{site('globex')}/calls/{acme_calls[0].pk}/")
    assert answer is not None
    assert answer.status == 404
    expect(outside.get_by_role("heading", name="Nothing here")).to_be_visible()


def test_the_way_back_leads_to_the_list_as_it_was_left(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/")
    page.get_by_label("State").select_option("missed")
    page.wait_for_url("**/calls/?state=missed")
    page.locator("tbody a").first.click()
    page.get_by_role("main").get_by_role("link", name="Calls", exact=True).click()
    page.wait_for_url("**/calls/?state=missed")


def test_the_palette_searches_what_is_no_command(as_person: AsPerson, site: Site, acme_calls: list[Call]) -> None:
    page = as_person("alice@acme.test", "acme")
    page.keyboard.press("Control+k")
    page.keyboard.type("maria & co")
    page.get_by_role("option", name="Search calls for “maria & co”").click()
    page.wait_for_url("**/calls/?q=maria%20%26%20co")
    expect(page.get_by_label("Number or name")).to_have_value("maria & co")


def test_a_long_name_does_not_widen_a_phone(as_person: AsPerson, site: Site, transactional_db: None) -> None:
    with tenant_context(Tenant.objects.get(schema_name="acme")):
        call = call_make(caller_name="Wolfeschlegelsteinhausenbergerdorff-Hubert-Blaine-the-Fourth von und zu Guttenberg")
    page = as_person("alice@acme.test", "acme", viewport=PHONE)
    for path in ("/", "/calls/", f"/calls/{call.pk}/"):
        page.goto(site("acme") + path)
        assert sideways(page) <= 0, path
