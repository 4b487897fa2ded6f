"""The platform's pages are there for its staff, on the public host, and for nobody and nowhere else."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import get_resolver

from apps.tenants.models import Membership, Role, Tenant, User
from apps.tenants.services import person_add
from tests.architecture.test_routes import example, walk
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]


def paths() -> list[str]:
    found = walk(get_resolver("apps.billing.urls_staff").url_patterns, "staff/")
    return sorted(example(route) for route, _pattern in found)


def answers(client: Client) -> set[int]:
    return {getattr(client, method)(path).status_code for path in paths() for method in ("get", "post")}


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.FINANCE, Role.AGENT, None])
def test_people_of_tenants_find_nothing(client_for: ClientFor, acme: Tenant, bob: User, role: Role | None) -> None:
    """Whatever their role is at a company, and without any."""
    if role:
        Membership.objects.filter(user=bob).update(role=role)
    else:
        Membership.objects.filter(user=bob).delete()
    assert answers(client_for(bob, "")) - {405} == {404}


def test_nobody_is_asked_to_log_in(client_for: ClientFor) -> None:
    client = client_for(None, "")
    assert answers(client) - {405} == {302}
    assert client.get("/staff/?month=x").headers["Location"].startswith("/login?next=/staff/")


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_tenants_host_has_no_such_pages(client_for: ClientFor, acme: Tenant, root: User, tenant: str) -> None:
    person_add(tenant=acme, email=root.email, role=Role.OWNER)
    assert answers(client_for(root, tenant)) == {404}


def test_a_log_in_at_a_tenants_host_is_none_here(staff: Client) -> None:
    session = staff.session
    session["tenant"] = "acme"
    session.save()
    assert staff.get("/staff/").status_code == 302


def test_staff_come_in_by_the_public_log_in(client_for: ClientFor, acme: Tenant, root: User) -> None:
    """Those who work at a company too go there, unless they are on their way to the platform's pages."""

    def log_in(address: str = "/login") -> str:
        given = {"username": root.email, "password": PASSWORD}
        return client_for(None, "").post(address, given).headers["Location"]

    assert log_in() == "/staff/"
    person_add(tenant=acme, email=root.email, role=Role.ADMIN)
    assert log_in().startswith("http://acme.localhost/login/ticket")
    assert log_in("/login?next=/staff/%3Fq=a") == "/staff/?q=a"
    assert log_in("/login?next=/admin/") == "/admin/"


def test_a_second_factor_where_the_installation_asks_for_it(staff: Client, root: User, settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = True
    for path in ("/staff/", "/admin/"):
        assert staff.get(path).headers["Location"] == "/account/factors/"
    assert staff.get("/account/").status_code == 200
    Authenticator.objects.create(user=root, type=Authenticator.Type.TOTP, data={})
    assert staff.get("/staff/").status_code == 200


def test_a_companys_host_has_no_admin(client_for: ClientFor, root: User, alice: User, acme: Tenant) -> None:
    for person in (None, alice, root):
        assert client_for(person, "acme").get("/admin/").status_code == 404


def test_every_link_of_the_rail_leads_somewhere(staff: Client) -> None:
    links = staff.get("/staff/").context["rail"]
    assert len(links) >= 1
    assert {staff.get(link["href"]).status_code for link in links} == {200}
