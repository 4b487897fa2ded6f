"""API keys in the settings: shown once, revoked with an undo, for admins only."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from apps.tenants.keys import api_key_create, api_key_revoke, api_keys_of
from apps.tenants.models import Tenant, User
from apps.tenants.models_keys import TenantApiKey
from tests.addresses import at

ClientFor = Callable[[User | None, str], Client]
FORM = {"name": "Web shop", "days": "30", "scope_conversations": "write", "scope_calls": "read"}


def test_a_key_is_made_shown_once_and_opens_what_it_may(admin: Client, acme: Tenant, alice: User) -> None:
    assert "No API key yet" in admin.get(at("api-keys")).content.decode()
    answer = admin.post(at("api-key-new"), FORM)
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    [text] = set(re.findall(r"mk_\w{8}\.\w{40}", answer.content.decode()))
    key = TenantApiKey.objects.get()
    assert (key.name, key.tenant, key.created_by) == ("Web shop", acme, alice)
    assert key.scopes == ["calls:read", "conversations:write"] and key.expires_at is not None
    program = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {text}"})
    assert program.get("/api/v1/conversations").status_code == 200
    page = admin.get(at("api-keys")).content.decode()
    assert "Web shop" in page and key.prefix in page and "Conversations: read and change" in page and "Alice" in page
    assert text.partition(".")[2] not in page and "never" not in page.partition("Last used")[2].partition("</tr>")[0]


def test_a_key_that_may_nothing_is_refused(admin: Client) -> None:
    answer = admin.post(at("api-key-new"), {"name": "Web shop"})
    assert answer.status_code == 422 and "Choose what the key may do" in answer.content.decode()
    assert admin.post(at("api-key-new"), {**FORM, "name": ""}).status_code == 422
    assert not TenantApiKey.objects.exists()


def test_a_key_is_revoked_and_that_undone(admin: Client, acme: Tenant) -> None:
    key, _ = api_key_create(tenant=acme, name="Web shop", scopes=["calls:read"])
    answer = admin.post(at("api-key-revoke", key.pk), headers={"hx-request": "true"})
    assert answer.status_code == 204 and at("api-key-restore", key.pk) in answer["HX-Trigger"]
    assert "Web shop" not in admin.get(at("api-keys"), headers={"hx-request": "true"}).content.decode()
    assert admin.post(at("api-key-restore", key.pk)).status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is None


@pytest.mark.parametrize("too", [True, False])
def test_who_revokes_a_key_says_what_becomes_of_those_that_it_made(admin: Client, acme: Tenant, too: bool) -> None:
    root, _ = api_key_create(tenant=acme, name="Web shop", scopes=["keys:write"])
    child, _ = api_key_create(tenant=acme, name="Till", scopes=["keys:write"], made_by=root)
    before, _ = api_key_create(tenant=acme, name="Old till", scopes=["keys:write"], made_by=root)
    api_key_revoke(key=before)
    page = admin.get(at("api-keys"), headers={"hx-request": "true"}).content.decode()
    asked = page.partition("<dialog")[2].partition("</dialog>")[0]
    assert f"{child.prefix}…" in asked and before.prefix not in page and page.count("<dialog") == 1
    assert re.search(r'name="revoke_made"\s+checked', asked) and "made by the key Web shop" in page
    answer = admin.post(at("api-key-revoke", root.pk), {"revoke_made": "on"} if too else {}, headers={"hx-request": "true"})
    assert ("Web shop and the key that it made are revoked" in answer["HX-Trigger"]) is too
    assert [key.name for key in api_keys_of(acme)] == ([] if too else ["Till"])
    admin.post(at("api-key-restore", root.pk))
    assert [key.name for key in api_keys_of(acme)] == ["Till", "Web shop"], "what was revoked before stays so"


@pytest.mark.parametrize("name", ["api-keys", "api-key-new"])
def test_only_admins_see_keys(client_for: ClientFor, bob: User, charlie: User, name: str) -> None:
    assert client_for(bob, "acme").get(at(name)).status_code == 403
    assert client_for(charlie, "acme").get(at(name)).status_code == 404
    assert client_for(None, "acme").get(at(name)).status_code == 302


def test_another_companys_key_cannot_be_touched(client_for: ClientFor, acme: Tenant, bob: User, charlie: User) -> None:
    key, _ = api_key_create(tenant=acme, name="Web shop", scopes=["calls:read"])
    assert client_for(charlie, "globex").post(at("api-key-revoke", key.pk)).status_code == 404
    assert client_for(bob, "acme").post(at("api-key-revoke", key.pk)).status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None
