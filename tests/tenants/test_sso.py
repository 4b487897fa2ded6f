"""Single sign-on against a provider: who comes in, and everything that a forged, stale or foreign answer does not open."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from auditlog.models import LogEntry
from django_tenants.utils import tenant_context

from apps.tenants.models import SingleSignOn, SingleSignOnIdentity, Tenant, User
from apps.tenants.services_sso import sso_check
from tests.standins.oidc import Key, OidcStandin
from tests.tenants.sso_side import BACK, ClientFor, agree, begin, enter, is_in, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("network")]


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
