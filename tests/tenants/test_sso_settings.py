"""Single sign-on as an owner sets it up: checked, kept secret, removed."""

import re
from typing import Any

import pytest
from auditlog.models import LogEntry
from django_tenants.utils import tenant_context

from apps.tenants.models import SingleSignOn, Tenant, User
from apps.tenants.services_sso import sso_require
from tests.standins.oidc import OidcStandin
from tests.tenants.sso_side import BACK, ClientFor, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("network")]


# Setting it up


def given(provider: OidcStandin, **changes: str) -> dict[str, str]:
    base = {"label": "Okta", "issuer": provider.issuer, "client_id": provider.client_id, "new_role": ""}
    return {**base, "client_secret": provider.client_secret, "domains": "acme.test, ACME.example", **changes}


def test_an_owner_sets_it_up_and_the_secret_is_never_shown(
    client_for: ClientFor, olga: User, acme: Tenant, provider: OidcStandin
) -> None:
    client = client_for(olga, "acme")
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


def test_another_issuer_does_not_get_the_old_secret(client_for: ClientFor, olga: User, sso: SingleSignOn) -> None:
    client = client_for(olga, "acme")
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
    client_for: ClientFor, olga: User, provider: OidcStandin, changes: dict[str, str], field: str
) -> None:
    answer = client_for(olga, "acme").post("/compass/security/sign-on/", given(provider, **changes))
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
    client_for: ClientFor, olga: User, provider: OidcStandin, sso: SingleSignOn, name: str
) -> None:
    provider.document, words = CHECKS[name]
    SingleSignOn.objects.update(checked_at=None)
    assert words in told(client_for(olga, "acme").post("/compass/security/sign-on/check"))
    assert client_for(None, "acme").get("/login/sso").status_code == 404


def test_the_check_finds_a_wrong_secret_and_a_provider_without_keys(
    client_for: ClientFor, olga: User, provider: OidcStandin
) -> None:
    client = client_for(olga, "acme")
    assert "does not know this client" in told(client.post("/compass/security/sign-on/", given(provider, client_secret="wrong")))
    provider.shown = []
    assert "shows no key" in told(client.post("/compass/security/sign-on/", given(provider)))
    assert "nobody could log in" in told(client.post("/compass/security/sign-on/only", {"required": "on"}))


def test_a_private_network_is_not_asked(client_for: ClientFor, olga: User, provider: OidcStandin, settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = ["10.99.0.0/16"]
    answer = client_for(olga, "acme").post("/compass/security/sign-on/", given(provider))
    assert "private network" in told(answer) and provider.paths == []
    settings.TOOL_ALLOWED_NETWORKS = []
    assert client_for(olga, "acme").post("/compass/security/sign-on/", given(provider)).status_code == 422


def test_removed_it_opens_nothing_and_passwords_count_again(
    client_for: ClientFor, olga: User, sso: SingleSignOn, acme: Tenant
) -> None:
    sso_require(tenant=acme, by=olga, required=True)
    client_for(olga, "acme").post("/compass/security/sign-on/remove")
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
