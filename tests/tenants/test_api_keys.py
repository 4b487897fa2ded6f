"""API keys: one tenant's, by scope, until they are revoked or over."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.core.errors import PermanentError
from apps.tenants.keys import api_key_create, api_key_find, api_key_restore, api_key_revoke
from apps.tenants.models import Tenant
from apps.tenants.models_keys import TenantApiKey

pytestmark = pytest.mark.django_db
TEAMS = "/api/v1/teams"


def ask(tenant: str, key: str) -> tuple[int, str]:
    answer = Client(headers={"host": f"{tenant}.localhost", "authorization": f"Api-Key {key}"}).get(TEAMS)
    body = answer.json()
    return answer.status_code, body["code"] if answer.status_code >= 400 else ""


def test_a_key_opens_its_own_tenant_only(acme: Tenant, globex: Tenant) -> None:
    _, key = api_key_create(tenant=acme, name="shop", scopes=["conversations:read"])
    assert ask("acme", key) == (200, "")
    assert ask("globex", key) == (401, "bad_api_key")
    assert ask("acme", f"{key}x") == (401, "bad_api_key")
    assert ask("acme", key.partition(".")[0]) == (401, "bad_api_key")


def test_only_the_hash_is_kept(acme: Tenant) -> None:
    row, key = api_key_create(tenant=acme, name="shop", scopes=["calls:read"])
    secret = key.partition(".")[2]
    assert len(secret) == 40
    assert all(secret not in str(value) for value in TenantApiKey.objects.filter(pk=row.pk).values_list()[0])


def test_write_takes_in_read_and_nothing_else(acme: Tenant) -> None:
    _, writes = api_key_create(tenant=acme, name="a", scopes=["conversations:write"])
    _, other = api_key_create(tenant=acme, name="b", scopes=["calls:write", "billing:read"])
    assert ask("acme", writes) == (200, "")
    assert ask("acme", other) == (403, "scope_missing")


def test_a_revoked_key_opens_nothing_until_it_is_restored(acme: Tenant) -> None:
    row, key = api_key_create(tenant=acme, name="shop", scopes=["conversations:read"])
    api_key_revoke(key=row)
    assert ask("acme", key) == (401, "bad_api_key")
    api_key_restore(key=row)
    assert ask("acme", key) == (200, "")


def test_a_key_ends_when_its_time_is_over(acme: Tenant) -> None:
    over = timezone.now() + timedelta(minutes=1)
    row, key = api_key_create(tenant=acme, name="shop", scopes=["conversations:read"], expires_at=over)
    TenantApiKey.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(days=1))
    assert ask("acme", key) == (401, "bad_api_key")


def test_use_is_noted_once_a_minute(acme: Tenant) -> None:
    row, key = api_key_create(tenant=acme, name="shop", scopes=["conversations:read"])
    with time_machine.travel("2026-01-05T10:00:00Z", tick=False) as clock:
        assert api_key_find(acme, key)
        clock.shift(30)
        assert api_key_find(acme, key)
        row.refresh_from_db()
        assert row.last_used_at and row.last_used_at.second == 0
        clock.shift(40)
        assert api_key_find(acme, key)
        row.refresh_from_db()
        assert row.last_used_at.minute == 1


@pytest.mark.parametrize(
    ("name", "scopes"), [("", ["calls:read"]), ("x" * 81, ["calls:read"]), ("a", []), ("a", ["calls:own"])], ids=range(4)
)
def test_what_cannot_be_a_key(acme: Tenant, name: str, scopes: list[str]) -> None:
    with pytest.raises(PermanentError):
        api_key_create(tenant=acme, name=name, scopes=scopes)
    assert not TenantApiKey.objects.exists()
