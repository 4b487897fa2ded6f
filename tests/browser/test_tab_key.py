"""The pages that alice works on by keyboard alone: the Tab key comes everywhere in sight, and shows where it is."""

from collections.abc import Callable

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.tenants.models import Tenant
from tests.browser.every_page import Made, company_fill, page_path

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
SCREEN = {"width": 1440, "height": 900}
WALKED = (
    "dashboard",
    "agents",
    "agent",
    "agent-publish",
    "agent-version",
    "tool-edit",
    "knowledge",
    "phone-number-edit",
    "people",
)
MOST = 160  # stops of the Tab key on one page
# What the Tab key should come to: of radio buttons one in a group, and nothing that is closed or switched off.
STOPS = """() => {
  const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const seen = (one) => one.checkVisibility({ checkVisibilityCSS: true }) && !one.matches(":disabled") && one.tabIndex >= 0;
  const groups = new Set();
  return [...document.querySelectorAll(kinds)].filter(seen).filter((one) => {
    if (one.type !== "radio") return true;
    const group = [...document.getElementsByName(one.name)];
    return group.some((other) => other.checked) ? one.checked : groups.size !== groups.add(one.name).size;
  }).map((one) => { one.dataset.stop = ""; }).length;
}"""
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return "end";
  delete one.dataset.stop;
  const shown = [one, one.closest("label")].filter(Boolean).map((part) => getComputedStyle(part));
  const seen = shown.some((style) => style.outlineStyle !== "none" && style.outlineWidth !== "0px");
  return seen ? "seen" : one.outerHTML.slice(0, 120);
}"""
MISSED = "() => [...document.querySelectorAll('[data-stop]')].map((one) => one.outerHTML.slice(0, 120))"


@pytest.fixture
def made(transactional_db: None) -> Made:
    acme = Tenant.objects.get(schema_name="acme")
    with tenant_context(acme):
        return company_fill(acme)


@pytest.mark.slow
def test_the_tab_key_comes_everywhere_and_shows_where_it_is(as_person: AsPerson, site: Site, made: Made) -> None:
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce", viewport=SCREEN)
    found = {}
    for name in WALKED:
        page.goto(site("acme") + page_path(name, made))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate(STOPS) < MOST, name
        hidden = []
        for _stop in range(MOST):
            page.keyboard.press("Tab")
            if (where := page.evaluate(FOCUSED)) == "end":
                break
            hidden += [where] if where != "seen" else []
        found[name] = (hidden, page.evaluate(MISSED))
    assert {name: what for name, what in found.items() if what != ([], [])} == {}
