"""Log-in, tickets between hosts, roles, and the outsider."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from apps.core.errors import PermanentError
from apps.tenants.access import role_required
from apps.tenants.models import Role, Route, Tenant, User
from apps.tenants.selectors import membership_of, route_tenant
from apps.tenants.services import person_add, route_set, tenant_create
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]


def log_in(client: Client, email: str, password: str = PASSWORD) -> HttpResponse:
    return client.post("/login", {"username": email, "password": password})


def test_member_logs_in_on_the_tenants_host(client_for: ClientFor, alice: User) -> None:
    client = client_for(None, "acme")
    assert log_in(client, "Alice@Acme.test").status_code == 302
    assert client.session["_auth_user_id"] == str(alice.pk)


@pytest.mark.parametrize(("email", "password"), [("alice@acme.test", "wrong"), ("charlie@globex.test", PASSWORD), ("", "")])
def test_stranger_and_wrong_password_stay_out(client_for: ClientFor, email: str, password: str) -> None:
    client = client_for(None, "acme")
    answer = log_in(client, email, password)
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_stranger_and_wrong_password_look_the_same(client_for: ClientFor) -> None:
    client = client_for(None, "acme")
    stranger = log_in(client, "charlie@globex.test").context["form"].non_field_errors().get_json_data()
    wrong = log_in(client, "alice@acme.test", "wrong").context["form"].non_field_errors().get_json_data()
    assert [error["message"] for error in stranger] == [error["message"] for error in wrong]
    assert len(wrong) == 1


def test_public_login_leads_to_the_tenant_once(client_for: ClientFor, alice: User) -> None:
    answer = log_in(client_for(None, ""), "alice@acme.test")
    target = urlsplit(answer["Location"])
    assert (target.hostname, target.path) == ("acme.localhost", "/login/ticket")
    first, second = client_for(None, "acme"), client_for(None, "acme")
    address = f"{target.path}?{target.query}"
    assert first.get(address)["Location"] == "/"
    assert first.session["_auth_user_id"] == str(alice.pk)
    assert second.get(address)["Location"] == "/login"
    assert "_auth_user_id" not in second.session


def test_ticket_of_one_tenant_is_refused_by_another(client_for: ClientFor) -> None:
    target = urlsplit(log_in(client_for(None, ""), "alice@acme.test")["Location"])
    client = client_for(None, "globex")
    assert client.get(f"{target.path}?{target.query}")["Location"] == "/login"
    assert "_auth_user_id" not in client.session


def test_person_of_two_companies_switches(client_for: ClientFor, alice: User, globex: Tenant) -> None:
    person_add(tenant=globex, email=alice.email, role=Role.AGENT)
    answer = client_for(alice, "acme").get("/switch/globex")
    assert urlsplit(answer["Location"]).hostname == "globex.localhost"


def test_switching_to_a_foreign_company_goes_nowhere(client_for: ClientFor, alice: User) -> None:
    assert client_for(alice, "acme").get("/switch/globex")["Location"] == "/"


def test_unknown_host_is_not_found(client_for: ClientFor) -> None:
    assert client_for(None, "initech").get("/login").status_code == 404


def test_suspended_company_is_not_served(client_for: ClientFor, acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(status=Tenant.Status.SUSPENDED)
    assert client_for(None, "acme").get("/login").status_code == 404


def visit(user: User, tenant: Tenant, *roles: Role) -> HttpResponse:
    request: HttpRequest = RequestFactory().get("/")
    request.user, request.membership = user, membership_of(user, tenant)  # type: ignore[attr-defined]
    return role_required(*roles)(lambda request: HttpResponse("in"))(request)


def test_roles_open_and_close_pages(alice: User, bob: User, charlie: User, acme: Tenant) -> None:
    assert visit(alice, acme, Role.ADMIN).content == b"in"
    assert visit(bob, acme).content == b"in"
    with pytest.raises(PermissionDenied):
        visit(bob, acme, Role.ADMIN, Role.OWNER)
    with pytest.raises(Http404):
        visit(charlie, acme)


def test_route_belongs_to_one_tenant(acme: Tenant, globex: Tenant) -> None:
    route_set(kind=Route.Kind.SIP_TRUNK, external_id="ST_1", tenant=acme)
    route_set(kind=Route.Kind.SIP_TRUNK, external_id="ST_1", tenant=acme)
    with pytest.raises(PermanentError, match="another tenant"):
        route_set(kind=Route.Kind.SIP_TRUNK, external_id="ST_1", tenant=globex)
    assert route_tenant(Route.Kind.SIP_TRUNK, "ST_1") == acme
    assert route_tenant(Route.Kind.WHATSAPP_NUMBER, "ST_1") is None


@pytest.mark.parametrize("slug", ["", "a", "public", "pg_catalog", "Acme", "9lives", "drop table", "x" * 40])
def test_bad_slug_is_refused(slug: str) -> None:
    with pytest.raises(PermanentError, match="cannot be an address"):
        tenant_create(slug=slug, name="Bad")


def test_taken_slug_is_refused(acme: Tenant) -> None:
    with pytest.raises(PermanentError, match="taken"):
        tenant_create(slug="acme", name="Again")
