"""Every page of a tenant's host by role: who sees it, who is refused, and what a person from outside is told."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.architecture.test_routes import OPEN_TENANT, own_account, routes

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]

EVERYONE = set(Role)
ADMINS = {Role.OWNER, Role.ADMIN}
MANAGERS = ADMINS | {Role.SUPERVISOR}
MONEY = ADMINS | {Role.FINANCE}
PAGES = {
    "/": EVERYONE,
    "/calls/": EVERYONE,
    "/desktop/": EVERYONE - {Role.FINANCE},
    "/compass/teams/": MANAGERS,
    "/compass/teams/new": MANAGERS,
    "/compass/responses/": MANAGERS,
    "/compass/responses/new": MANAGERS,
    "/compass/agents/": MANAGERS,
    "/compass/agents/new": ADMINS,
    "/compass/tools/": MANAGERS,
    "/compass/knowledge/": MANAGERS,
    "/compass/numbers/": MANAGERS,
    "/compass/providers/": ADMINS,
    "/compass/keys/": ADMINS,
    "/compass/webhooks/": ADMINS,
    "/compass/people/": ADMINS,
    "/compass/security/": ADMINS,
    "/compass/audit/": ADMINS,
    "/compass/audit/csv": ADMINS,
    "/compass/company/": ADMINS,
    "/billing/": MONEY,
    "/billing/usage/": MONEY,
    "/billing/invoices/": MONEY,
    "/billing/exports/": MONEY,
    "/billing/exports/file": MONEY,
}
SETTINGS = "/compass/"


@pytest.fixture(params=list(Role))
def member(request: pytest.FixtureRequest, acme: Tenant, client_for: ClientFor) -> tuple[Role, Client]:
    made = person_add(tenant=acme, email=f"{request.param}@acme.test", role=request.param, name="Somebody")
    return request.param, client_for(made.user, "acme")


def test_each_page_opens_to_its_roles_only(member: tuple[Role, Client]) -> None:
    role, client = member
    answers = {path: client.get(path).status_code for path in PAGES}
    assert answers == {path: 200 if role in roles else 403 for path, roles in PAGES.items()}


def test_no_setting_opens_to_agents_and_finance(member: tuple[Role, Client]) -> None:
    role, client = member
    if role in MANAGERS:
        assert client.get("/compass/teams/").status_code == 200
        return
    answers = {path: client.post(path).status_code for path in routes("config.urls_tenant", OPEN_TENANT | own_account())}
    opened = [path for path, status in answers.items() if path.startswith(SETTINGS) and status < 400]
    assert opened == []


def test_the_menu_shows_what_the_role_may_open(member: tuple[Role, Client]) -> None:
    role, client = member
    page = client.get("/").content.decode()
    assert ('href="/compass/teams/"' in page) == (role in MANAGERS)
    assert ('href="/billing/"' in page) == (role in MONEY)
    if role in MANAGERS:
        assert ('href="/compass/people/"' in client.get("/compass/teams/").content.decode()) == (role in ADMINS)


@pytest.mark.parametrize("path", sorted(PAGES))
def test_the_outsider_and_nobody_stay_out(client_for: ClientFor, charlie: User, acme: Tenant, path: str) -> None:
    assert client_for(charlie, "acme").get(path).status_code == 404
    assert client_for(None, "acme").get(path)["Location"] == f"/login?next={path}"
