"""A key that made others is revoked in a dialog that says which they are; one without is revoked at once."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.tenants.keys import api_key_create, api_keys_of
from apps.tenants.models import Tenant
from tests.browser.test_everyone import PHONE, sideways, violations

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


@pytest.fixture
def acme_keys(transactional_db: None) -> Tenant:
    acme = Tenant.objects.get(schema_name="acme")
    shop, _ = api_key_create(tenant=acme, name="Web shop", scopes=["keys:write", "calls:read"])
    for name in ("Till at the door", "Till upstairs"):
        api_key_create(tenant=acme, name=name, scopes=["calls:read"], made_by=shop)
    return acme


def names(acme: Tenant) -> set[str]:
    return {key.name for key in api_keys_of(acme)}


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE}], ids=["desk", "phone"])
def test_what_a_key_made_goes_with_it_and_comes_back(
    as_person: AsPerson, site: Site, acme_keys: Tenant, options: dict[str, object]
) -> None:
    page = as_person("alice@acme.test", "acme", **options)
    page.goto(f"{site('acme')}/compass/keys/")
    page.get_by_role("button", name="Revoke Web shop").click()
    dialog = page.get_by_role("dialog", name="Revoke Web shop")
    expect(dialog).to_contain_text("Till at the door")
    expect(dialog.get_by_label("Revoke those, too")).to_be_checked()
    assert violations(page) == [] and sideways(page) <= 0
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Web shop and 2 keys that it made are revoked")).to_be_visible()
    expect(page.get_by_text("No API key yet")).to_be_visible()
    assert names(acme_keys) == set()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Revoke Till upstairs")).to_be_visible()
    assert names(acme_keys) == {"Web shop", "Till at the door", "Till upstairs"}


def test_they_stay_where_they_are_to(as_person: AsPerson, site: Site, acme_keys: Tenant) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/compass/keys/")
    page.get_by_role("button", name="Revoke Web shop").click()
    dialog = page.get_by_role("dialog", name="Revoke Web shop")
    dialog.get_by_label("Revoke those, too").uncheck()
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Revoke Web shop")).to_have_count(0)
    page.get_by_role("button", name="Revoke Till upstairs").click()
    expect(page.get_by_role("button", name="Revoke Till upstairs")).to_have_count(0)
    assert names(acme_keys) == {"Till at the door"}
