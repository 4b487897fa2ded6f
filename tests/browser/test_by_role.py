"""Each page as an owner, an admin, a supervisor, an agent, finance and the outsider meet it, and those of owners with a look."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from apps.tenants.models import Membership, Role, Tenant, User
from apps.tenants.services import person_add
from tests.browser.conftest import Open
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.conftest import PASSWORD
from tests.tenants.test_roles import PAGES

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
Theme = Literal["light", "dark"]
OWNED = ("/compass/security/", "/compass/security/sign-on/", "/compass/company/", "/compass/company/domains/")
OWNERS_ONLY = {"/compass/security/sign-on/", "/compass/company/domains/"}
LOOKED_AT = sorted({*PAGES, *OWNERS_ONLY} - {"/compass/audit/csv", "/billing/exports/file"})  # files are no pages
ROLES = {
    "olga@acme.test": Role.OWNER,
    "alice@acme.test": Role.ADMIN,
    "sam@acme.test": Role.SUPERVISOR,
    "bob@acme.test": Role.AGENT,
    "fay@acme.test": Role.FINANCE,
}


@pytest.fixture
def people(transactional_db: None) -> Iterator[Tenant]:
    """Everybody of acme, one for each role."""
    acme = Tenant.objects.get(schema_name="acme")
    made = [email for email in ROLES if not User.objects.filter(email=email).exists()]
    for email in made:
        person_add(tenant=acme, email=email, role=ROLES[email], name=email.split("@")[0].title(), password=PASSWORD)
    yield acme
    Membership.objects.filter(user__email__in=made).delete()
    Tenant.objects.filter(pk=acme.pk).update(delete_at=None)


def may(role: Role, path: str) -> bool:
    return role == Role.OWNER if path in OWNERS_ONLY else role in PAGES[path]


@pytest.mark.slow
@pytest.mark.parametrize("email", ROLES)
def test_each_page_by_role(people: Tenant, as_person: AsPerson, site: Site, email: str) -> None:
    """What the role may not see says so on a page that leads on; what it may is reached by the menu."""
    page = as_person(email, "acme", reduced_motion="reduce")
    shown, refused = {}, []
    for path in LOOKED_AT:
        answer = page.goto(site("acme") + path)
        shown[path] = answer.status if answer else 0
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if shown[path] == 403:
            refused.append(path)
    assert shown == {path: 200 if may(ROLES[email], path) else 403 for path in LOOKED_AT}
    if refused:
        page.goto(site("acme") + refused[0])
        assert violations(page) == []
        page.get_by_role("link", name="Go to the start").click()
        page.wait_for_url(f"{site('acme')}/")
    for link in page.get_by_role("navigation", name="Pages").get_by_role("link").all():
        address = link.get_attribute("href") or ""
        assert may(ROLES[email], address), address


@pytest.mark.slow
def test_the_outsider_finds_no_way_in(open_page: Open, as_person: AsPerson, site: Site, people: Tenant) -> None:
    page = as_person("charlie@globex.test", "globex")
    for path in LOOKED_AT:
        page.goto(site("acme") + path)
        assert page.url.startswith(f"{site('acme')}/login"), path
    page.get_by_label("E-mail").fill("charlie@globex.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("do not go together")
    assert violations(page) == []
    page.goto(f"{site('globex')}/compass/people/")
    expect(page.get_by_role("row", name="charlie@globex.test")).to_be_visible()
    expect(page.get_by_text("alice@acme.test")).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_of_owners(people: Tenant, as_person: AsPerson, site: Site, theme: Theme) -> None:
    page = as_person("olga@acme.test", "acme", color_scheme=theme, reduced_motion="reduce")
    for path in OWNED:
        for size in ({"width": 1440, "height": 900}, PHONE):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.goto(site("acme") + path)
            assert violations(page) == [], path
            assert sideways(page) <= 0, path
    page.get_by_label("Host name").fill("https://service.example.com/x")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Host name")).to_have_attribute("aria-invalid", "true")
    assert violations(page) == []


@pytest.mark.slow
def test_an_owner_exports_deletes_and_thinks_better_of_it(people: Tenant, as_person: AsPerson, site: Site) -> None:
    page = as_person("olga@acme.test", "acme", reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/company/")
    page.get_by_role("button", name="Make an export").click()
    expect(page.get_by_text("The export is being made")).to_be_visible()
    page.get_by_role("button", name="Delete the company").click()
    dialog = page.get_by_role("dialog", name="Delete Acme?")
    assert violations(page) == []
    button = dialog.get_by_role("button", name="Delete", exact=True)
    dialog.get_by_label("Type Acme to delete it").press_sequentially("Acm")
    expect(button).to_be_disabled()
    dialog.get_by_label("Type Acme to delete it").press_sequentially("e")
    expect(button).to_be_enabled()
    dialog.get_by_label("Type Acme to delete it").press("Enter")
    expect(page.get_by_text("Everything of this company is deleted on")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Keep the company").click()
    expect(page.get_by_text("Nothing will be deleted.")).to_be_visible()
