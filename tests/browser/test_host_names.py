"""A company under a host name of its own: added, proven, chosen, and reached from the public log-in by a real browser."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from apps.tenants.models import CustomDomain, Domain, Membership, Role, Tenant
from apps.tenants.services import person_add
from tests.browser.conftest import PATIENCE, chromium_flags, chromium_path
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.conftest import PASSWORD
from tests.standins.dns import dns_serving

pytestmark = pytest.mark.browser
Site = Callable[[str], str]
HOST = "service.acme.test"


@pytest.fixture(scope="module")
def browser(built: None) -> Iterator[Browser]:
    """One to which the company's host name leads here."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        flags = chromium_flags(f"--host-resolver-rules=MAP {HOST} 127.0.0.1")
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def olga(transactional_db: None) -> Iterator[None]:
    acme = Tenant.objects.get(schema_name="acme")
    person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga", password=PASSWORD)
    yield
    Membership.objects.filter(user__email="olga@acme.test").delete()
    Domain.objects.filter(domain=HOST).delete()
    Domain.objects.filter(domain="acme.localhost").update(is_primary=True)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_host_name_of_ones_own(
    olga: None, as_person: Callable[..., Page], browser: Browser, site: Site, settings: Any, theme: str
) -> None:
    page = as_person("olga@acme.test", "acme", color_scheme=theme, reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/company/")
    page.get_by_role("link", name="Host names of your own").click()
    page.get_by_label("Host name").fill(HOST)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Not proven yet")).to_be_visible()
    assert violations(page) == []
    page.set_viewport_size(PHONE)
    assert sideways(page) <= 0
    custom = CustomDomain.objects.get()
    with dns_serving() as dns:
        settings.DNS_SERVERS = [dns.address]
        dns.texts[custom.record_name] = [custom.record_value]
        page.get_by_role("button", name=f"Check {HOST}").click()
        expect(page.get_by_text("is yours")).to_be_visible()
    page.get_by_role("button", name="Let links lead here").click()
    expect(page.get_by_text("Links lead to")).to_be_visible()

    other = browser.new_page()  # without TLS and beside localhost, where Chromium grumbles about headers
    other.set_default_timeout(PATIENCE)
    other.goto(f"{site('')}/login")
    other.get_by_label("E-mail").fill("alice@acme.test")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Log in", exact=True).click()
    other.wait_for_url(f"{site('acme').replace('acme.localhost', HOST)}/")
    expect(other.get_by_role("heading", name="Today at Acme")).to_be_visible()
    assert violations(other) == []
    other.close()
