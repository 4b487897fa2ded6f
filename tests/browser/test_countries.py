"""Countries are chosen by name, in the page's language, and kept as their codes."""

from collections.abc import Callable, Iterator

import pytest
from phonenumbers import SUPPORTED_REGIONS
from playwright.sync_api import Page, expect

from apps.billing.models import BillingProfile
from apps.tenants.models import Tenant
from tests.browser.test_everyone import violations

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
CHOSEN = "select => select.selectedOptions[0].text"


@pytest.fixture
def company(transactional_db: None) -> Iterator[Tenant]:
    """Companies stay for the tests after this one, and what a caller hears is in their country's language."""
    tenant = Tenant.objects.get(schema_name="acme")
    yield tenant
    Tenant.objects.filter(pk=tenant.pk).update(country=tenant.country)


def names(page: Page) -> list[str]:
    return page.get_by_label("Country").locator("option").all_text_contents()


@pytest.mark.slow
def test_a_company_is_in_a_country_with_a_name(as_person: AsPerson, site: Site, company: Tenant) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/compass/company/")
    country = page.get_by_label("Country")
    assert country.evaluate(CHOSEN) == "United States"
    found = names(page)
    assert len(found) == len(SUPPORTED_REGIONS) and "Åland Islands" in found[:3] and found[-1] == "Zimbabwe"
    assert [name for name in found if len(name) == 2] == []
    page.reload()
    assert not page.locator("form[data-dirty]").count(), "writing the names is no change of the person's"
    country.focus()
    page.keyboard.type("Germ")
    expect(country).to_have_value("DE")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert country.evaluate(CHOSEN) == "Germany"
    assert Tenant.objects.get(pk=company.pk).country == "DE"
    assert violations(page) == []


def test_an_invoice_may_name_no_country(as_person: AsPerson, site: Site) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/billing/details/")
    assert names(page)[0] == "–" and page.get_by_label("Country").input_value() == ""
    page.get_by_label("Country").select_option(label="Switzerland")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It stands on your invoices")).to_be_visible()
    assert BillingProfile.objects.get().country == "CH"
    assert page.get_by_label("Country").evaluate(CHOSEN) == "Switzerland"
