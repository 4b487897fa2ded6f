"""Every page as alice sees it: axe finds nothing in either theme, and it fits a phone."""

from collections.abc import Callable

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.tenants.models import Role, Tenant
from tests.browser.every_page import PAGES, Made, company_fill, page_path
from tests.browser.test_everyone import PHONE, sideways, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
SCREEN = {"width": 1440, "height": 900}


@pytest.fixture
def made(transactional_db: None) -> Made:
    acme = Tenant.objects.get(schema_name="acme")
    with tenant_context(acme):
        return company_fill(acme)


def test_every_page_in_both_themes_and_on_a_phone(as_person: AsPerson, site: Site, made: Made) -> None:
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce", color_scheme="light")
    found = {}
    for name in (name for name, roles in PAGES.items() if Role.ADMIN in roles):
        page.set_viewport_size(SCREEN)  # type: ignore[arg-type]
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.goto(site("acme") + page_path(name, made))
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            found[f"{name}, {theme}"] = violations(page)
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        found[f"{name}, phone"] = [f"{wide} px too wide"] if (wide := sideways(page)) > 0 else []
    assert {where: what for where, what in found.items() if what} == {}
