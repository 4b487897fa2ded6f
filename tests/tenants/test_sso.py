"""Single sign-on against a provider: who comes in, and everything that a forged, stale or foreign answer does not open."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from auditlog.models import LogEntry
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django_tenants.utils import tenant_context

from apps.tenants.models import Membership, Role, SingleSignOn, SingleSignOnIdentity, Tenant, User
from apps.tenants.services import person_add
from apps.tenants.services_people import invitation_create, person_remove
from apps.tenants.services_sso import sso_check, sso_require, sso_set
from tests.compass.servers import ALLOWED
from tests.conftest import PASSWORD
from tests.standins.oidc import Key, OidcStandin, oidc_serving

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
BACK = "http://{}.localhost/login/sso/callback"
ALICE = {"sub": "a-1", "email": "alice@acme.test", "email_verified": True, "name": "Alice at the provider"}


@pytest.fixture(autouse=True)
def network(settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]


@pytest.fixture
def provider() -> Iterator[OidcStandin]:
    with oidc_serving(redirect_uris=[BACK.format("acme")], person=dict(ALICE)) as standin:
        yield standin


def sso_put(tenant: Tenant, provider: OidcStandin, **changes: Any) -> SingleSignOn:
    given = {"label": "Okta", "issuer": provider.issuer, "client_id": provider.client_id}
    given |= {"client_secret": provider.client_secret, "domains": ["acme.test"], "new_role": "", **changes}
    with tenant_context(tenant):
        row = sso_set(tenant=tenant, **given)
        assert sso_check(sso=row) == ""
    return row


@pytest.fixture
def sso(acme: Tenant, provider: OidcStandin) -> SingleSignOn:
    return sso_put(acme, provider)


def begin(client: Client, query: str = "") -> dict[str, str]:
    """What the provider is asked."""
    answer = client.get(f"/login/sso{query}")
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


def agree(provider: OidcStandin, asked: dict[str, str]) -> str:
    """The path that the provider sends the browser back to."""
    target = urlsplit(provider.authorize(asked))
    return f"{target.path}?{target.query}"


def enter(client: Client, provider: OidcStandin) -> HttpResponse:
    return client.get(agree(provider, begin(client)))


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def told(answer: HttpResponse) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_a_member_comes_in_and_is_remembered_by_the_providers_name(
    client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin, alice: User, acme: Tenant
) -> None:
    client = client_for(None, "acme")
    page = client.get("/login?next=/calls/").content.decode()
    assert "Log in with Okta" in page
    asked = begin(client, "?next=/calls/")
    assert (asked["code_challenge_method"], asked["redirect_uri"]) == ("S256", BACK.format("acme"))
    answer = client.get(agree(provider, asked))
    assert answer["Location"] == "/calls/"
    assert client.session["_auth_user_id"] == str(alice.pk)
    assert client.get("/calls/").status_code == 200
    provider.person["email"] = "alice.new@acme.test"
    again = client_for(None, "acme")
    enter(again, provider)
    assert again.session["_auth_user_id"] == str(alice.pk)
    assert SingleSignOnIdentity.objects.get().user == alice
    with tenant_context(acme):
        assert [entry.object_repr for entry in LogEntry.objects.filter(content_type__model="singlesignonidentity")] == ["Alice"]


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "http://globex.localhost/"]
)
def test_it_leads_nowhere_else(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin, target: str) -> None:
    client = client_for(None, "acme")
    assert client.get(agree(provider, begin(client, f"?next={target}")))["Location"] == "/"


TWISTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "wrong issuer": lambda claims: {**claims, "iss": "https://evil.example"},
    "wrong audience": lambda claims: {**claims, "aud": "somebody-else"},
    "several audiences without a party": lambda claims: {**claims, "aud": ["meridian", "other"]},
    "another party": lambda claims: {**claims, "azp": "somebody-else"},
    "expired": lambda claims: {**claims, "exp": int(time.time()) - 120},
    "from the future": lambda claims: {**claims, "iat": int(time.time()) + 600},
    "no nonce": lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "another nonce": lambda claims: {**claims, "nonce": "n" * 43},
    "nobody": lambda claims: {**claims, "sub": ""},
    "unverified address": lambda claims: {**claims, "email_verified": False},
    "address of unknown worth": lambda claims: {name: value for name, value in claims.items() if name != "email_verified"},
    "Entra's claim from elsewhere": lambda claims: {**claims, "email_verified": False, "xms_edov": True},
    "no address": lambda claims: {name: value for name, value in claims.items() if name != "email"},
    "foreign domain": lambda claims: {**claims, "email": "alice@evil.example"},
    "two addresses": lambda claims: {**claims, "email": "alice@evil.example@acme.test"},
    "no end": lambda claims: {name: value for name, value in claims.items() if name != "exp"},
}


@pytest.mark.parametrize("name", TWISTS)
def test_a_token_that_does_not_fit_opens_nothing(
    client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin, name: str
) -> None:
    provider.twist = TWISTS[name]
    if name == "no address":
        provider.document = {"userinfo_endpoint": None}
        sso_check(sso=sso)
    client = client_for(None, "acme")
    answer = enter(client, provider)
    assert (answer["Location"], is_in(client)) == ("/login", False)
    assert told(answer)
    assert not SingleSignOnIdentity.objects.exists()


def unsigned(claims: dict[str, Any], key: Key) -> str:
    return jwt.encode(claims, None, algorithm="none", headers={"kid": key.kid})


def signed_with_the_secret(claims: dict[str, Any], key: Key) -> str:
    return jwt.encode(claims, "s3cret-of-the-client-that-both-sides-know", algorithm="HS256", headers={"kid": key.kid})


def signed_by_another(claims: dict[str, Any], key: Key) -> str:
    return jwt.encode(claims, Key.make().private, algorithm="RS256", headers={"kid": key.kid})


def with_a_key_of_its_own(claims: dict[str, Any], key: Key) -> str:
    mine = Key.make()
    return jwt.encode(claims, mine.private, algorithm="RS256", headers={"kid": mine.kid, "jwk": mine.public()})


def changed_afterwards(claims: dict[str, Any], key: Key) -> str:
    head, _, signature = jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid}).split(".")
    other = jwt.encode({**claims, "sub": "b-1"}, key.private, algorithm="RS256").split(".")[1]
    return f"{head}.{other}.{signature}"


@pytest.mark.parametrize(
    "sign", [unsigned, signed_with_the_secret, signed_by_another, with_a_key_of_its_own, changed_afterwards, lambda *_: "junk"]
)
def test_a_signature_that_proves_nothing(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin, sign: Any) -> None:
    provider.sign = sign
    client = client_for(None, "acme")
    assert "not signed" in told(enter(client, provider))
    assert not is_in(client)


def test_new_keys_are_fetched_once(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin) -> None:
    enter(client_for(None, "acme"), provider)
    provider.rotate()
    client = client_for(None, "acme")
    enter(client, provider)
    assert is_in(client)
    provider.sign = with_a_key_of_its_own
    before = provider.paths.count("/keys")
    enter(client_for(None, "acme"), provider)
    enter(client_for(None, "acme"), provider)
    assert provider.paths.count("/keys") == before  # not twice within half a minute


def test_an_answer_counts_once(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin) -> None:
    client = client_for(None, "acme")
    back = agree(provider, begin(client))
    client.get(back)
    client.logout()
    assert "Start again" in told(client.get(back)) and not is_in(client)


def test_a_token_of_an_earlier_log_in_is_not_taken(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin) -> None:
    kept: list[str] = []

    def remember(claims: dict[str, Any], key: Key) -> str:
        kept.append(jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid}))
        return kept[0]

    provider.sign = remember
    enter(client_for(None, "acme"), provider)
    client = client_for(None, "acme")
    assert "somewhere else" in told(enter(client, provider)) and not is_in(client)


@pytest.mark.parametrize("state", ["", "forged", "é"])
def test_a_state_that_nobody_gave(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin, state: str) -> None:
    client = client_for(None, "acme")
    begin(client)
    assert client.get("/login/sso/callback", {"code": "x", "state": state})["Location"] == "/login"
    assert not is_in(client)


def test_the_state_of_another_session_logs_nobody_in(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin) -> None:
    """Else an attacker could make somebody work in the attacker's own log-in."""
    attacker, victim = client_for(None, "acme"), client_for(None, "acme")
    back = agree(provider, begin(attacker))
    begin(victim)
    assert "Start again" in told(victim.get(back)) and not is_in(victim)


def test_a_log_in_that_took_too_long(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin) -> None:
    client = client_for(None, "acme")
    asked = begin(client)
    session = client.session
    session["sso_flows"][asked["state"]]["began"] -= 700
    session.save()
    assert "over" in told(client.get(agree(provider, asked))) and not is_in(client)


def test_a_code_of_another_log_in_lacks_its_verifier(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin) -> None:
    stolen = parse_qs(urlsplit(agree(provider, begin(client_for(None, "acme")))).query)["code"][0]
    client = client_for(None, "acme")
    asked = begin(client)
    answer = client.get("/login/sso/callback", {"code": stolen, "state": asked["state"]})
    assert "invalid_grant" in told(answer) and not is_in(client)


def test_an_answer_in_another_providers_name(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin) -> None:
    client = client_for(None, "acme")
    back = agree(provider, begin(client)).replace("iss=", "iss=https%3A%2F%2Fevil.example&was=")
    assert "another provider" in told(client.get(back)) and not is_in(client)


def test_what_the_provider_refuses_is_said(client_for: ClientFor, sso: SingleSignOn) -> None:
    client = client_for(None, "acme")
    answer = client.get("/login/sso/callback", {"error": "access_denied", "state": begin(client)["state"]})
    assert "did not let you in" in told(answer)


def test_a_thin_token_is_completed_by_userinfo_about_the_same_person(
    client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin
) -> None:
    provider.thin = True
    client = client_for(None, "acme")
    enter(client, provider)
    assert is_in(client)
    provider.twist = lambda claims: {**claims, "sub": "somebody-else"}
    other = client_for(None, "acme")
    enter(other, provider)
    assert not is_in(other)


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


@pytest.fixture
def owner(acme: Tenant) -> User:
    return person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga", password=PASSWORD).user


def log_in(client: Client, email: str) -> HttpResponse:
    return client.post("/login", {"username": email, "password": PASSWORD})


def test_only_single_sign_on_leaves_owners_a_way_in(
    client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin, acme: Tenant, owner: User
) -> None:
    before = client_for(None, "acme")
    log_in(before, "alice@acme.test")
    assert before.get("/").status_code == 200
    sso_require(tenant=acme, by=owner, required=True)
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
    log_in(own, owner.email)
    assert own.get("/").status_code == 200


def test_the_provider_answers_for_the_second_factor(client_for: ClientFor, sso: SingleSignOn, provider: OidcStandin) -> None:
    Tenant.objects.filter(pk=sso.tenant_id).update(mfa_required=True)
    client = client_for(None, "acme")
    enter(client, provider)
    assert client.get("/").status_code == 200


def test_who_is_invited_joins_by_the_provider_then(
    client_for: ClientFor, sso: SingleSignOn, acme: Tenant, owner: User, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    sso_require(tenant=acme, by=owner, required=True)
    with django_capture_on_commit_callbacks(execute=True):
        invitation_create(tenant=acme, email="dora@acme.test", role=Role.AGENT, by=owner, address="http://acme.localhost/join/")
    found = re.search(r"http://acme\.localhost(/join/\S+)", mailoutbox[0].body)
    assert found
    answer = client_for(None, "acme").get(found[1])
    assert answer["Location"] == "/login" and "dora@acme.test" in told(answer)


def test_the_session_ends_with_the_membership(client_for: ClientFor, of_two: Client, alice: User, acme: Tenant) -> None:
    Membership.objects.filter(user=alice, tenant=acme).delete()
    assert of_two.get("/account/")["Location"].startswith("/login")


# Setting it up


def given(provider: OidcStandin, **changes: str) -> dict[str, str]:
    base = {"label": "Okta", "issuer": provider.issuer, "client_id": provider.client_id, "new_role": ""}
    return {**base, "client_secret": provider.client_secret, "domains": "acme.test, ACME.example", **changes}


def test_an_owner_sets_it_up_and_the_secret_is_never_shown(
    client_for: ClientFor, owner: User, acme: Tenant, provider: OidcStandin
) -> None:
    client = client_for(owner, "acme")
    answer = client.post("/compass/security/sign-on/", given(provider))
    assert "answers as it should" in told(answer)
    row = SingleSignOn.objects.select_related("tenant").get()
    assert row.is_open and row.domains == ["acme.example", "acme.test"]
    assert provider.client_secret not in row.client_secret and row.secret_read() == provider.client_secret
    page = client.get("/compass/security/sign-on/").content.decode()
    assert provider.client_secret not in page and BACK.format("acme") in page
    with tenant_context(acme):
        logged = str([entry.changes for entry in LogEntry.objects.filter(content_type__model="singlesignon")])
    assert provider.issuer in logged and provider.client_secret not in logged and row.client_secret not in logged
    client.post("/compass/security/sign-on/", given(provider, client_secret="", label="Acme"))
    row.refresh_from_db()
    assert (row.label, row.secret_read(), row.is_open) == ("Acme", provider.client_secret, True)


def test_another_issuer_does_not_get_the_old_secret(client_for: ClientFor, owner: User, sso: SingleSignOn) -> None:
    client = client_for(owner, "acme")
    answer = client.post(
        "/compass/security/sign-on/",
        {"label": "x", "issuer": "https://evil.example", "client_id": "x", "client_secret": "", "domains": "acme.test"},
    )
    assert answer.status_code == 422
    sso.refresh_from_db()
    assert sso.issuer != "https://evil.example"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"issuer": "login.example.com"}, "issuer"),
        ({"issuer": "https://user@example.com"}, "issuer"),
        ({"client_secret": ""}, "client_secret"),
        ({"domains": "acme"}, "domains"),
        ({"domains": "*.acme.test"}, "domains"),
        ({"new_role": "owner"}, "new_role"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(
    client_for: ClientFor, owner: User, provider: OidcStandin, changes: dict[str, str], field: str
) -> None:
    answer = client_for(owner, "acme").post("/compass/security/sign-on/", given(provider, **changes))
    assert answer.status_code == 422 and field in answer.context["form"].errors
    assert not SingleSignOn.objects.exists()


def test_only_owners_and_only_their_own(client_for: ClientFor, alice: User, charlie: User, sso: SingleSignOn) -> None:
    for path in ("", "check", "only", "remove"):
        method = "get" if not path else "post"
        address = f"/compass/security/sign-on/{path}"
        assert getattr(client_for(alice, "acme"), method)(address).status_code == 403
        assert getattr(client_for(charlie, "acme"), method)(address).status_code == 404
    assert SingleSignOn.objects.get().is_open
    assert "An owner sets it up" in client_for(alice, "acme").get("/compass/security/").content.decode()


CHECKS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"issuer": "https://evil.example"}, "calls itself"),
    "no key address": ({"jwks_uri": None}, "jwks_uri"),
    "a local file": ({"token_endpoint": "file:///etc/passwd"}, "token_endpoint"),
    "a script": ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
    "implicit only": ({"response_types_supported": ["id_token"]}, "authorization code"),
    "no secret": ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "confidential"),
    "shared keys only": ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "RS256"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_check_says_what_is_wrong(
    client_for: ClientFor, owner: User, provider: OidcStandin, sso: SingleSignOn, name: str
) -> None:
    provider.document, words = CHECKS[name]
    SingleSignOn.objects.update(checked_at=None)
    assert words in told(client_for(owner, "acme").post("/compass/security/sign-on/check"))
    assert client_for(None, "acme").get("/login/sso").status_code == 404


def test_the_check_finds_a_wrong_secret_and_a_provider_without_keys(
    client_for: ClientFor, owner: User, provider: OidcStandin
) -> None:
    client = client_for(owner, "acme")
    assert "does not know this client" in told(client.post("/compass/security/sign-on/", given(provider, client_secret="wrong")))
    provider.shown = []
    assert "shows no key" in told(client.post("/compass/security/sign-on/", given(provider)))
    assert "nobody could log in" in told(client.post("/compass/security/sign-on/only", {"required": "on"}))


def test_a_private_network_is_not_asked(client_for: ClientFor, owner: User, provider: OidcStandin, settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = ["10.99.0.0/16"]
    answer = client_for(owner, "acme").post("/compass/security/sign-on/", given(provider))
    assert "private network" in told(answer) and provider.paths == []
    settings.TOOL_ALLOWED_NETWORKS = []
    assert client_for(owner, "acme").post("/compass/security/sign-on/", given(provider)).status_code == 422


def test_removed_it_opens_nothing_and_passwords_count_again(
    client_for: ClientFor, owner: User, sso: SingleSignOn, acme: Tenant
) -> None:
    sso_require(tenant=acme, by=owner, required=True)
    client_for(owner, "acme").post("/compass/security/sign-on/remove")
    acme.refresh_from_db()
    assert not acme.sso_required and not SingleSignOn.objects.exists()
    assert client_for(None, "acme").get("/login/sso").status_code == 404
    assert not re.search("Log in with", client_for(None, "acme").get("/login").content.decode())


def test_a_secret_of_one_tenant_opens_for_no_other(sso: SingleSignOn, globex: Tenant) -> None:
    from apps.core.fields import WrongKey

    sso.tenant = globex
    with pytest.raises(WrongKey):
        sso.secret_read()


def test_the_secret_is_written_anew_with_a_new_key(sso: SingleSignOn, settings: Any) -> None:
    from cryptography.fernet import Fernet
    from django.core.management import call_command

    new = Fernet.generate_key().decode()
    settings.FIELD_KEYS = [new, *settings.FIELD_KEYS]
    call_command("field_keys_rotate")
    settings.FIELD_KEYS = [new]
    assert SingleSignOn.objects.select_related("tenant").get().secret_read() == "s3cret-of-the-client"
