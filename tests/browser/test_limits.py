"""A limit from its empty page to its undo, by somebody of finance; the page is clean in both themes and fits a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.billing.models import SpendLimit
from apps.tenants.models import Role, Tenant
from apps.tenants.services import person_add
from tests.billing.limits import limit, reserve, spend
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.compass.factories import agent_published
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser
Site = Callable[[str], str]
AsPerson = Callable[..., Page]
PAGE = "/billing/limits/"


@pytest.fixture
def acme_spends(transactional_db: None) -> Tenant:
    """Four limits: one far from reached, one with money set aside, one near, one reached."""
    acme = Tenant.objects.get(schema_name="acme")
    person_add(tenant=acme, email="fiona@acme.test", role=Role.FINANCE, name="Fiona", password=PASSWORD)
    with tenant_context(acme):
        agent = agent_published()
    limit(acme, "500")
    limit(acme, "40", period="day", scope="channel", channel="sip", reached="people")
    limit(acme, "25", scope="channel", channel="whatsapp")
    limit(acme, "12", scope="agent", agent_id=agent.pk, period="day")
    spend(acme, "11.80", channel="sip", agent_id=None)
    reserve(acme, "running", "9.5", channel="sip", agent_id=None)
    spend(acme, "21.40", channel="whatsapp", agent_id=None)
    spend(acme, "12.35", agent_id=agent.pk)
    return acme


@pytest.mark.slow
def test_finance_sets_a_limit_and_takes_it_back(as_person: AsPerson, site: Site, transactional_db: None) -> None:
    acme = Tenant.objects.get(schema_name="acme")
    person_add(tenant=acme, email="fiona@acme.test", role=Role.FINANCE, name="Fiona", password=PASSWORD)
    page = as_person("fiona@acme.test", "acme", reduced_motion="reduce")
    page.goto(site("acme") + PAGE)
    expect(page.get_by_text("No limits yet")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Add a limit").click()
    assert violations(page) == []
    page.get_by_label("Most to spend").fill("80")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The limit counts from now on.")).to_be_visible()
    page.get_by_role("link", name="Change").click()
    page.get_by_label("Most to spend").fill("90")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("$90.00").first).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("$80.00").first).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No limits yet")).to_be_visible()
    page.get_by_role("button", name="Undo").last.click()
    expect(page.get_by_text("$80.00").first).to_be_visible()
    assert SpendLimit.objects.get().active


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_are_clean_and_fit_a_phone(
    as_person: AsPerson, site: Site, acme_spends: Tenant, theme: str, request: Any
) -> None:
    shots = request.config.getoption("basetemp")
    for name, viewport in (("wide", {"width": 1440, "height": 900}), ("phone", PHONE)):
        page = as_person("fiona@acme.test", "acme", color_scheme=theme, reduced_motion="reduce", viewport=viewport)
        for path in (PAGE, f"{PAGE}new", "/"):
            page.goto(site("acme") + path)
            if shots:
                page.screenshot(path=f"{shots}-{theme}-{name}-{path.strip('/').replace('/', '-') or 'home'}.png", full_page=True)
            assert violations(page) == [], path
            assert sideways(page) <= 0, path
    page.goto(site("acme") + PAGE)
    expect(page.get_by_text("Reached", exact=True)).to_be_visible()
    expect(page.get_by_text("Nearly reached")).to_be_visible()


def test_an_agent_is_refused_and_a_stranger_sees_nothing(as_person: AsPerson, site: Site, acme_spends: Tenant) -> None:
    page = as_person("bob@acme.test", "acme")
    assert page.goto(site("acme") + PAGE).status == 403  # type: ignore[union-attr]
    page = as_person("charlie@globex.test", "globex")
    page.goto(site("globex") + PAGE)
    expect(page.get_by_text("No limits yet")).to_be_visible()
