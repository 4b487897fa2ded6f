"""/api/v1/single-sign-on: set, checked and removed by programs; the secret goes in and never comes out."""

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django_tenants.utils import tenant_context

from apps.tenants.models import Role, SingleSignOn, Tenant, User
from tests.programs import ask, only_for, person, program
from tests.standins.oidc import OidcStandin
from tests.tenants.sso_side import BACK

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("network")]
SSO = "/api/v1/single-sign-on"


@pytest.fixture
def key(acme: Tenant) -> Client:
    return program(acme, "sso:write")


def wish(provider: OidcStandin, **changes: Any) -> dict[str, Any]:
    given = {"label": "Okta", "issuer": provider.issuer, "client_id": provider.client_id}
    return {**given, "client_secret": provider.client_secret, "domains": ["ACME.test"], **changes}


def test_it_is_set_checked_changed_and_removed(key: Client, acme: Tenant, provider: OidcStandin) -> None:
    assert key.get(SSO).json()["code"] == "no_sso"
    made = ask(key, "PUT", SSO, wish(provider))
    assert (made.status_code, made.json()["domains"], made.json()["checked_at"]) == (200, ["acme.test"], None)
    assert made.json()["callbacks"] == [BACK.format("acme")] and "client_secret" not in made.json()
    assert ask(key, "POST", f"{SSO}/check").json()["ok"] is True
    kept = ask(key, "PUT", SSO, {**wish(provider, label="Acme", new_role="agent"), "client_secret": ""}).json()
    assert (kept["label"], kept["new_role"], kept["checked_at"] is not None) == ("Acme", "agent", True)
    assert SingleSignOn.objects.select_related("tenant").get().secret_read() == provider.client_secret
    told = made.content.decode() + key.get(SSO).content.decode()
    with tenant_context(acme):
        told += str([entry.changes for entry in LogEntry.objects.filter(content_type__model="singlesignon")])
    assert provider.issuer in told and provider.client_secret not in told
    assert key.delete(SSO).status_code == 204 and key.get(SSO).status_code == 404 == key.delete(SSO).status_code


def test_a_check_says_what_is_wrong(key: Client, provider: OidcStandin) -> None:
    ask(key, "PUT", SSO, wish(provider, client_secret="another-secret"))
    answer = ask(key, "POST", f"{SSO}/check")
    assert (answer.status_code, answer.json()["ok"]) == (200, False)
    assert "does not know this client ID" in answer.json()["text"] and "another-secret" not in answer.content.decode()
    assert key.get(SSO).json()["checked_at"] is None


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"issuer": "login.example.com"}, 422, "issuer"),
        ({"client_secret": ""}, 422, "client_secret"),
        ({"domains": ["acme"]}, 422, "domains"),
        ({"domains": []}, 400, "domains"),
        ({"new_role": "owner"}, 400, "new_role"),
        ({"label": ""}, 400, "label"),
    ],
)
def test_what_cannot_be_is_told(key: Client, provider: OidcStandin, changes: dict[str, Any], status: int, field: str) -> None:
    answer = ask(key, "PUT", SSO, wish(provider, **changes))
    assert answer.status_code == status and answer.json()["errors"].keys() == {field}
    assert not SingleSignOn.objects.exists()


def test_only_a_person_locks_the_passwords_out(key: Client, acme: Tenant, olga: User, sso: SingleSignOn) -> None:
    path = f"{SSO}/required"
    refused = ask(key, "PUT", path, {"required": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "person_needed")
    owner = Client(headers={"host": "acme.localhost"})
    owner.force_login(olga)
    assert ask(owner, "PUT", path, {"required": True}).json()["required"] is True
    acme.refresh_from_db()
    assert acme.sso_required
    assert ask(key, "PUT", path, {"required": False}).json()["required"] is False
    assert key.get("/api/v1/single-sign-on").json()["required"] is False


def test_whose_single_sign_on_it_is(acme: Tenant, globex: Tenant, sso: SingleSignOn) -> None:
    asked = [("GET", SSO), ("PUT", SSO), ("DELETE", SSO), ("POST", f"{SSO}/check"), ("PUT", f"{SSO}/required")]
    only_for(acme, globex, asked, scope="sso", roles=[Role.OWNER])
    theirs = program(globex, "sso:write")
    assert [theirs.get(SSO).status_code, theirs.delete(SSO).status_code] == [404, 404]
    assert person(acme, Role.OWNER).get(SSO).json()["issuer"] == sso.issuer
