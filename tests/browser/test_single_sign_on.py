"""Single sign-on as people meet it: an owner sets the provider up, and a colleague comes in by it and by nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.tenants.models import Membership, Role, Tenant
from apps.tenants.services import person_add
from tests.browser.conftest import Open
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.compass.servers import ALLOWED
from tests.conftest import PASSWORD
from tests.standins.oidc import oidc_serving

pytestmark = pytest.mark.browser
Site = Callable[[str], str]
ALICE = {"sub": "a-1", "email": "alice@acme.test", "email_verified": True, "name": "Alice"}


def set_up(page: Page, home: str, issuer: str) -> None:
    page.goto(f"{home}/compass/security/")
    page.get_by_role("link", name="Set it up").click()
    page.get_by_label("Issuer").fill(f"{issuer}/.well-known/openid-configuration")
    page.get_by_label("Client ID").fill("meridian")
    page.get_by_label("Client secret").fill("wrong")
    page.get_by_label("E-mail domains").fill("acme.test")
    page.get_by_label("Name", exact=True).fill("Okta")
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_text("does not know this client ID")).to_be_visible()
    page.get_by_label("Client secret").fill("s3cret-of-the-client")
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_text("answers as it should")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_owner_sets_it_up_and_alice_comes_in(
    as_person: Callable[..., Page], open_page: Open, site: Site, settings: Any, theme: str
) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    acme, home = Tenant.objects.get(schema_name="acme"), site("acme")
    person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga", password=PASSWORD)
    try:
        with oidc_serving(person=dict(ALICE), redirect_uris=[f"{home}/login/sso/callback"]) as provider:
            owner = as_person("olga@acme.test", "acme", color_scheme=theme, reduced_motion="reduce")
            set_up(owner, home, provider.issuer)
            owner.get_by_role("button", name="Allow nothing else").click()
            expect(owner.get_by_text("On, and nothing else")).to_be_visible()
            assert violations(owner) == []
            owner.set_viewport_size(PHONE)
            assert sideways(owner) <= 0

            page = open_page(color_scheme=theme, reduced_motion="reduce")
            page.goto(f"{home}/calls/")
            assert violations(page) == []
            page.get_by_label("E-mail").fill("alice@acme.test")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in", exact=True).click()
            expect(page.get_by_role("alert")).to_contain_text("asks for its single sign-on")
            page.get_by_role("link", name="Log in with Okta").click()
            expect(page.get_by_role("heading", name="Provider")).to_be_visible()
            page.get_by_role("link", name="Agree").click()
            page.wait_for_url(f"{home}/calls/")
            page.goto(f"{home}/account/")
            expect(page.get_by_text("opens this company and nothing else")).to_be_visible()
            assert violations(page) == []
    finally:
        Membership.objects.filter(user__email="olga@acme.test").delete()
        Tenant.objects.filter(pk=acme.pk).update(sso_required=False)
