"""Single sign-on between companies: a provider opens its own one and nothing else, and who comes in there."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from django.http import HttpResponse
from django.test import Client

from apps.tenants.models import Membership, Role, SingleSignOn, SingleSignOnIdentity, Tenant, User
from apps.tenants.services import person_add
from apps.tenants.services_people import invitation_create, person_remove
from apps.tenants.services_sso import sso_require
from tests.conftest import PASSWORD
from tests.standins.oidc import OidcStandin, oidc_serving
from tests.tenants.sso_side import ALICE, BACK, ClientFor, agree, begin, enter, is_in, sso_put, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("network")]


# Between companies


@pytest.fixture
def globex_provider() -> Iterator[OidcStandin]:
    with oidc_serving(redirect_uris=[BACK.format("globex")], person={**ALICE, "sub": "evil"}) as standin:
        yield standin


def test_a_provider_opens_its_own_company_only(
    client_for: ClientFor, sso: SingleSignOn, globex: Tenant, globex_provider: OidcStandin, provider: OidcStandin
) -> None:
    """globex's provider says that it is alice: acme never asks it, and globex has no alice."""
    sso_put(globex, globex_provider, domains=["acme.test"], new_role=Role.ADMIN)
    at_globex = client_for(None, "globex")
    answer = enter(at_globex, globex_provider)
    assert "Ask one of its admins" in told(answer) and not is_in(at_globex)
    at_acme = client_for(None, "acme")
    asked = begin(client_for(None, "globex"))
    assert at_acme.get(agree(globex_provider, asked))["Location"] == "/login" and not is_in(at_acme)
    assert not SingleSignOnIdentity.objects.exists()


def test_a_session_that_began_at_one_company_finishes_at_no_other(
    client_for: ClientFor, sso: SingleSignOn, globex: Tenant, globex_provider: OidcStandin
) -> None:
    sso_put(globex, globex_provider, domains=["acme.test"])
    there = client_for(None, "globex")
    asked = begin(there)
    here = client_for(None, "acme")
    here.cookies = there.cookies
    assert "another window" in told(here.get(agree(globex_provider, asked))) and not is_in(here)


def test_another_providers_token_in_our_providers_answer(
    client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin, globex_provider: OidcStandin
) -> None:
    provider.sign = lambda claims, key: jwt.encode(
        {**claims, "iss": globex_provider.issuer},
        globex_provider.key.private,
        algorithm="RS256",
        headers={"kid": globex_provider.key.kid},
    )
    client = client_for(None, "acme")
    enter(client, provider)
    assert not is_in(client)


@pytest.fixture
def of_two(client_for: ClientFor, alice: User, globex: Tenant, sso: SingleSignOn, provider: OidcStandin) -> Client:
    """alice, who works for globex as well, logged in by acme's provider."""
    person_add(tenant=globex, email=alice.email, role=Role.ADMIN)
    client = client_for(None, "acme")
    enter(client, provider)
    assert client.get("/").status_code == 200
    return client


def test_the_session_is_worth_nothing_at_her_other_company(client_for: ClientFor, of_two: Client) -> None:
    switched = of_two.get("/switch/globex")
    assert switched["Location"] == "http://globex.localhost/login"
    for host in ("globex", ""):
        copied = client_for(None, host)
        copied.cookies = of_two.cookies
        assert copied.get("/account/")["Location"].startswith("/login")
        assert copied.get("/switch/globex").status_code in (302, 404)
        assert copied.get("/api/v1/conversations").status_code in (401, 403, 404)
    elsewhere = client_for(None, "globex")
    elsewhere.cookies = of_two.cookies
    assert elsewhere.get("/switch/globex")["Location"] == "/login"


def test_the_session_is_no_staffs(client_for: ClientFor, of_two: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    public = client_for(None, "")
    public.cookies = of_two.cookies
    assert public.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    "path", ["email", "password", "password/set", "factors/", "factors/app", "passkeys/add", "factors/codes/new", "sessions"]
)
def test_the_session_changes_nothing_of_her_own_account(of_two: Client, alice: User, path: str) -> None:
    for method in (of_two.get, of_two.post):
        assert method(f"/account/{path}")["Location"] == "/account/"
    assert of_two.post("/account/", {"name": "Taken Over"}).status_code == 302
    alice.refresh_from_db()
    assert alice.name == "Alice"
    assert "opens this company and nothing else" in of_two.get("/account/").content.decode()


# People


def test_a_newcomer_gets_the_companys_role(client_for: ClientFor, acme: Tenant, provider: OidcStandin) -> None:
    sso_put(acme, provider, new_role=Role.AGENT)
    provider.person = {"sub": "d-1", "email": "Dora@acme.test", "email_verified": True, "name": "Dora"}
    client = client_for(None, "acme")
    enter(client, provider)
    dora = User.objects.get(email="dora@acme.test")
    assert client.session["_auth_user_id"] == str(dora.pk)
    assert (dora.name, dora.has_usable_password(), dora.memberships.get().role) == ("Dora", False, Role.AGENT)


def test_without_a_role_only_the_invited_come(
    client_for: ClientFor, acme: Tenant, sso: SingleSignOn, provider: OidcStandin
) -> None:
    provider.person = {"sub": "d-1", "email": "dora@acme.test", "email_verified": True}
    assert "invite you" in told(enter(client_for(None, "acme"), provider))
    assert not User.objects.filter(email="dora@acme.test").exists()
    olga = person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER).user
    invitation_create(tenant=acme, email="dora@acme.test", role=Role.SUPERVISOR, by=olga, address="http://acme.localhost/join/")
    client = client_for(None, "acme")
    enter(client, provider)
    assert is_in(client) and Membership.objects.get(user__email="dora@acme.test").role == Role.SUPERVISOR


def test_who_was_removed_does_not_come_back_by_the_provider(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, provider: OidcStandin
) -> None:
    sso_put(acme, provider, new_role=Role.AGENT)
    provider.person = {"sub": "b-1", "email": bob.email, "email_verified": True}
    client = client_for(None, "acme")
    enter(client, provider)
    person_remove(membership=bob.memberships.get(), by=alice)
    assert not is_in(client)
    assert "no longer" in told(enter(client, provider)) and not bob.memberships.exists()


def test_who_is_switched_off_stays_out(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    client = client_for(None, "acme")
    assert "switched off" in told(enter(client, provider)) and not is_in(client)


# Only single sign-on


def log_in(client: Client, email: str) -> HttpResponse:
    return client.post("/login", {"username": email, "password": PASSWORD})


def test_only_single_sign_on_leaves_owners_a_way_in(
    client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin, acme: Tenant, olga: User
) -> None:
    before = client_for(None, "acme")
    log_in(before, "alice@acme.test")
    assert before.get("/").status_code == 200
    sso_require(tenant=acme, by=olga, required=True)
    assert before.get("/")["Location"] == "/login" and not is_in(before)
    refused = log_in(client_for(None, "acme"), "alice@acme.test")
    assert "single sign-on" in refused.content.decode()
    ticket = urlsplit(log_in(client_for(None, ""), "alice@acme.test")["Location"])
    sneaky = client_for(None, "acme")
    sneaky.get(f"{ticket.path}?{ticket.query}")
    assert sneaky.get("/")["Location"] == "/login"
    by_provider = client_for(None, "acme")
    enter(by_provider, provider)
    assert by_provider.get("/").status_code == 200
    own = client_for(None, "acme")
    log_in(own, olga.email)
    assert own.get("/").status_code == 200


def test_the_provider_answers_for_the_second_factor(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin) -> None:
    Tenant.objects.filter(pk=sso.tenant_id).update(mfa_required=True)
    client = client_for(None, "acme")
    enter(client, provider)
    assert client.get("/").status_code == 200


def test_who_is_invited_joins_by_the_provider_then(
    client_for: ClientFor, sso: SingleSignOn, acme: Tenant, olga: User, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    sso_require(tenant=acme, by=olga, required=True)
    with django_capture_on_commit_callbacks(execute=True):
        invitation_create(tenant=acme, email="dora@acme.test", role=Role.AGENT, by=olga, address="http://acme.localhost/join/")
    found = re.search(r"http://acme\.localhost(/join/\S+)", mailoutbox[0].body)
    assert found
    answer = client_for(None, "acme").get(found[1])
    assert answer["Location"] == "/login" and "dora@acme.test" in told(answer)


def test_the_session_ends_with_the_membership(client_for: ClientFor, of_two: Client, alice: User, acme: Tenant) -> None:
    Membership.objects.filter(user=alice, tenant=acme).delete()
    assert of_two.get("/account/")["Location"].startswith("/login")
