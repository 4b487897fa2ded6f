"""The plan in a real browser: chosen with its cost seen first, clean in both themes, and whole on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from apps.billing.models import Plan, Subscription
from apps.billing.services.plans import tenant_today
from apps.tenants.models import Tenant
from tests.billing.invoice_side import entry_make, on_plan
from tests.browser.test_everyone import PHONE, sideways, violations

pytestmark = pytest.mark.browser
Site = Callable[[str], str]
PAGES = ("/billing/plan/", "/billing/plan/change?plan=business&seats=24", "/billing/details/")


def scene() -> Tenant:
    acme = Tenant.objects.get(schema_name="acme")
    today = tenant_today(acme).isoformat()
    on_plan(acme, "team")
    entry_make(acme, "9.00", f"{today}T00:00", seconds="6600")
    entry_make(acme, "0.10", f"{today}T00:00", source="turn")
    return acme


def next_months(page: Page) -> Locator:
    """The fees of the month after; on the first of a month those of the present one are the same."""
    return page.get_by_text("Fees next month").locator("xpath=following-sibling::*")


def test_a_plan_is_chosen_with_its_cost_seen_first(as_person: Callable[..., Page], site: Site) -> None:
    acme = scene()
    page = as_person("alice@acme.test", "acme")
    page.goto(site("acme") + "/billing/plan/")
    expect(page.get_by_text("110 of 300 call minutes")).to_be_visible()
    offer = page.get_by_role("region", name="Business")
    offer.get_by_label("Seats").fill("24")
    offer.get_by_role("button", name="Choose Business").click()
    expect(page.get_by_text("Fees this month")).to_be_visible()
    expect(next_months(page)).to_have_text("$339.00")
    assert Subscription.objects.get(tenant=acme).plan.code == "team"
    page.get_by_label("Seats").fill("20")
    page.get_by_role("button", name="Work it out again").click()
    expect(next_months(page)).to_have_text("$299.00")
    page.get_by_role("button", name="Change to Business").click()
    expect(page.get_by_text("You are on Business with 20 seats from today on.")).to_be_visible()
    assert Subscription.objects.get(tenant=acme, ended_on=None).plan.code == "business"


@pytest.mark.slow
def test_details_say_what_is_wrong_and_are_kept(as_person: Callable[..., Page], site: Site) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(site("acme") + "/billing/plan/")
    page.get_by_role("navigation", name="Billing").get_by_role("link", name="Details").click()
    page.get_by_label("Legal name").fill("Acme GmbH")
    page.get_by_label("Kind of tax id").select_option("eu_vat")
    page.get_by_label("Tax id", exact=True).fill("DE 12")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("one looks like DE123456789")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Tax id", exact=True).fill("DE 123456789")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It stands on your invoices")).to_be_visible()
    expect(page.get_by_label("Tax id", exact=True)).to_have_value("DE123456789")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_clean_in_both_themes_and_whole_on_a_phone(as_person: Callable[..., Page], site: Site, theme: str) -> None:
    scene()
    page = as_person("alice@acme.test", "acme", color_scheme=theme, reduced_motion="reduce")
    found = {}
    for path in PAGES:
        page.goto(site("acme") + path)
        found[path] = violations(page)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for path in PAGES:
        page.goto(site("acme") + path)
        found[f"{path} on a phone"] = violations(page)
        assert sideways(page) <= 0, path
    assert {path: list_ for path, list_ in found.items() if list_} == {}


def test_an_agent_does_not_see_it(as_person: Callable[..., Page], site: Site) -> None:
    page = as_person("bob@acme.test", "acme")
    for path in PAGES:
        answer = page.goto(site("acme") + path)
        assert answer is not None and answer.status == 403


def test_somebody_is_invited_above_the_seats(as_person: Callable[..., Page], site: Site) -> None:
    """The price stands in the form, the button says that it is taken, and the plan shows it."""
    acme = Tenant.objects.get(schema_name="acme")
    Plan.objects.create(code="pair", name="Pair", fee=30, seat_price=12, included_seats=2)
    on_plan(acme, "pair")
    page = as_person("alice@acme.test", "acme")
    page.goto(site("acme") + "/compass/people/")
    page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 more costs $12.00 a month")
    assert violations(page) == []
    dialog.get_by_label("E-mail").fill("nina@acme.test")
    dialog.get_by_role("button", name="Take the seat and invite").click()
    expect(page.get_by_text("The invitation is on its way to nina@acme.test.")).to_be_visible()
    page.goto(site("acme") + "/billing/plan/")
    expect(page.get_by_role("table", name="Fees")).to_contain_text("1 at $12.00 a month")
    Subscription.objects.all().delete()
    Plan.objects.filter(code="pair").delete()
