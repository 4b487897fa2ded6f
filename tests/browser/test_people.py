"""From nothing to one's own company: sign-up, a passkey, out, and in again with it; and the people page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.tenants.models import Tenant
from tests.browser.conftest import Open
from tests.browser.test_everyone import PHONE, sideways, violations

pytestmark = pytest.mark.browser
Site = Callable[[str], str]
PAGES = ("/compass/people/", "/compass/security/", "/compass/company/", "/compass/audit/", "/account/", "/account/factors/")


def authenticator(page: Page) -> None:
    """A device with a fingerprint that always fits."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_company_of_ones_own_and_a_passkey(open_page: Open, site: Site, transactional_db: None) -> None:
    page = open_page(timezone_id="Asia/Kolkata", locale="en-US")
    page.goto(site(""))
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Company").fill("Nordwind Logistics")
    expect(page.get_by_label("Address")).to_have_value("nordwindlogistics")
    page.get_by_label("Your name").fill("Ada Lind")
    page.get_by_label("Work e-mail").fill("ada@nordwind.test")
    page.get_by_label("Password").fill("blue-harbour-77")
    page.get_by_role("button", name="Create your company").click()
    home = site("nordwindlogistics")
    page.wait_for_url(f"{home}/")
    assert Tenant.objects.values_list("country", "timezone").get(schema_name="nordwindlogistics") == ("IN", "Asia/Kolkata")
    authenticator(page)
    page.goto(f"{home}/account/passkeys/add")
    page.get_by_label("Password").fill("blue-harbour-77")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Log in with it alone").check()
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/account/factors/codes")
    page.get_by_text("Ada Lind").first.click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{home}/")


@pytest.mark.slow
def test_the_pages_are_clean_and_fit_a_phone(as_person: Callable[..., Page], site: Site) -> None:
    page = as_person("alice@acme.test", "acme", viewport=PHONE, reduced_motion="reduce")
    found = {}
    for path in PAGES:
        page.goto(site("acme") + path)
        found[path] = violations(page)
        assert sideways(page) <= 0, path
    page.goto(site("acme") + "/compass/people/")
    page.get_by_role("button", name="Invite").click()
    found["invite"] = violations(page)
    page.get_by_role("dialog").get_by_label("E-mail").fill("dora@acme.test")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text("The invitation is on its way")).to_be_visible()
    page.goto(site("") + "/signup")
    found["signup"] = violations(page)
    assert {path: list_ for path, list_ in found.items() if list_} == {}
