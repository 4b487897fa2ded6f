"""No page is forgotten by the tests that open each one as every role: a new address fails until somebody says what it is."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import get_resolver
from django_tenants.utils import tenant_context

from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.architecture.test_routes import walk
from tests.browser.every_page import ELSEWHERE, NO_PAGES, PAGES, company_fill, page_path

ClientFor = Callable[[User | None, str], Client]


def asked() -> Iterator[str]:
    """Names of routes that are not of the API and can be asked with GET."""
    for route, pattern in walk(get_resolver("config.urls_tenant").url_patterns):
        view = pattern.callback
        if route.startswith("api/") or _only_posted(view):
            continue
        yield pattern.name or route


def _only_posted(view: object) -> bool:
    """What require_POST keeps, however deep it stands among the decorators."""
    while view is not None:
        for cell in getattr(view, "__closure__", None) or ():
            if cell.cell_contents == ["POST"]:
                return True
        view = getattr(view, "__wrapped__", None)
    return False


def test_every_address_is_a_page_or_said_to_be_none() -> None:
    names = set(asked())
    told = set(PAGES) | ELSEWHERE | NO_PAGES
    assert (sorted(names - told), sorted(told - names)) == ([], [])


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_each_page_by_role(role: Role, acme: Tenant, client_for: ClientFor) -> None:
    member = person_add(tenant=acme, email=f"{role}@acme.test", role=role, name="Somebody").user
    with tenant_context(acme):
        made = company_fill(acme)
    client = client_for(member, "acme")
    shown = {name: client.get(page_path(name, made)).status_code for name in PAGES}
    assert shown == {name: 200 if role in roles else 403 for name, roles in PAGES.items()}


@pytest.mark.django_db
def test_no_page_opens_to_another_company(acme: Tenant, client_for: ClientFor, charlie: User) -> None:
    with tenant_context(acme):
        made = company_fill(acme)
    pages = [name for name in PAGES if not name.startswith(("account", "mfa_", "usersessions"))]
    client = client_for(charlie, "acme")
    assert {client.get(page_path(name, made)).status_code for name in pages} == {404}
    stranger = client_for(charlie, "globex")
    kept = [name for name in pages if name in made and name not in ("provider-edit", "secret-edit")]
    assert {name: stranger.get(page_path(name, made)).status_code for name in kept} == dict.fromkeys(kept, 404)
