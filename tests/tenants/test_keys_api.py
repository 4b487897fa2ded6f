"""/api/v1/keys: made, shown once, revoked; and never more than whoever makes it has."""

from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.tenants.access import ADMINS
from apps.tenants.audit_log import changes_of
from apps.tenants.keys import BeyondMaker, api_key_create, api_key_revoke
from apps.tenants.models import Role, Tenant
from apps.tenants.models_keys import AREAS, SCOPES, TenantApiKey
from tests.programs import ask, only_for, person, program

pytestmark = pytest.mark.django_db
KEYS = "/api/v1/keys"


def make(client: Client, *scopes: str, **more: Any) -> Any:
    return ask(client, "POST", KEYS, {"name": "Web shop", "scopes": list(scopes), **more})


def test_a_key_is_made_shown_once_and_opens_what_it_may(acme: Tenant) -> None:
    admin = person(acme, Role.ADMIN)
    made = make(admin, "conversations:write", "calls:read")
    assert (made.status_code, made.json()["scopes"]) == (201, ["calls:read", "conversations:write"])
    assert (made.json()["created_by"], made.json()["expires_at"]) == ("admin@acme.test", None)
    text = made.json()["key"]
    shop = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {text}"})
    assert shop.get("/api/v1/conversations").status_code == 200 and shop.get(KEYS).json()["code"] == "scope_missing"
    [listed] = admin.get(KEYS).json()["results"]
    assert listed["prefix"] == text.partition(".")[0] and listed["last_used_at"] is not None and "key" not in listed
    assert text.partition(".")[2] not in admin.get(f"{KEYS}/{listed['id']}").content.decode()


def test_the_same_request_again_makes_no_second_one(acme: Tenant) -> None:
    client = program(acme, "keys:write", "calls:read")
    body = {"name": "Shop", "scopes": ["calls:read"]}
    answers = [ask(client, "POST", KEYS, body, **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json() and TenantApiKey.objects.filter(name="Shop").count() == 1


def test_a_revoked_key_is_gone(acme: Tenant) -> None:
    client = program(acme, "keys:write", "calls:read")
    made = make(client, "calls:read").json()
    shop = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {made['key']}"})
    assert shop.get("/api/v1/calls").status_code == 200
    assert client.delete(f"{KEYS}/{made['id']}").status_code == 204
    assert shop.get("/api/v1/calls").json()["code"] == "bad_api_key"
    assert client.get(f"{KEYS}/{made['id']}").status_code == 404 == client.delete(f"{KEYS}/{made['id']}").status_code


def family(acme: Tenant) -> tuple[Client, dict[str, str]]:
    """An admin, and the ids of a key that made one that made one."""
    admin: Client = person(acme, Role.ADMIN)
    ids: dict[str, str] = {}
    maker = admin
    for name in ("root", "child", "grandchild"):
        made = make(maker, "keys:write", "calls:read", name=name).json()
        ids[name] = made["id"]
        maker = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {made['key']}"})
    return admin, ids


def left(admin: Client) -> set[str]:
    return {key["name"] for key in admin.get(KEYS).json()["results"]}


def test_who_made_a_key_is_kept(acme: Tenant) -> None:
    admin, ids = family(acme)
    told = {key["name"]: (key["created_by"], key["made_by_key"]) for key in admin.get(KEYS).json()["results"]}
    assert told == {"root": ("admin@acme.test", None), "child": (None, ids["root"]), "grandchild": (None, ids["child"])}


def test_revoking_leaves_what_a_key_made_unless_asked(acme: Tenant) -> None:
    admin, ids = family(acme)
    assert admin.delete(f"{KEYS}/{ids['root']}?revoke_made=perhaps").status_code == 400
    assert admin.delete(f"{KEYS}/{ids['root']}").status_code == 204
    assert left(admin) == {"child", "grandchild"}


def test_what_a_key_made_is_revoked_with_it_down_to_the_last(acme: Tenant) -> None:
    admin, ids = family(acme)
    assert admin.delete(f"{KEYS}/{ids['root']}?revoke_made=true").status_code == 204
    assert left(admin) == set()
    with tenant_context(acme):
        told = LogEntry.objects.get_for_model(TenantApiKey).filter(action=LogEntry.Action.UPDATE)
        assert {entry.object_repr.split()[0] for entry in told} == {"root", "child", "grandchild"}
        made = LogEntry.objects.get_for_model(TenantApiKey).get(action=LogEntry.Action.CREATE, object_pk=ids["child"])
        assert any("root" in one.new for one in changes_of(made))


def test_beyond_one_that_was_revoked_before_too(acme: Tenant) -> None:
    admin, ids = family(acme)
    admin.delete(f"{KEYS}/{ids['child']}")
    admin.delete(f"{KEYS}/{ids['root']}?revoke_made=true")
    assert left(admin) == set()


def test_a_key_that_is_being_revoked_makes_no_other(acme: Tenant) -> None:
    """It was let in a moment before."""
    key, _ = api_key_create(tenant=acme, name="shop", scopes=["keys:write"])
    api_key_revoke(key=key)
    with pytest.raises(BeyondMaker):
        api_key_create(tenant=acme, name="late", scopes=["keys:write"], made_by=key)
    assert not TenantApiKey.objects.filter(name="late").exists()


@pytest.mark.parametrize("wanted", SCOPES)
def test_a_key_makes_none_that_may_more(acme: Tenant, wanted: str) -> None:
    held = {"keys:write", "calls:read", "people:write"}
    answer = make(program(acme, *held), "calls:read", wanted)
    allowed = wanted in held | {"keys:read", "people:read"}
    assert answer.status_code == (201 if allowed else 403)
    assert TenantApiKey.objects.filter(name="Web shop").count() == int(allowed)
    if not allowed:
        assert answer.json()["code"] == "beyond_maker" and wanted in answer.json()["detail"]


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_only_owners_give_what_is_theirs(acme: Tenant, role: Role, area: str) -> None:
    allowed = role == Role.OWNER or area not in ("domains", "sso", "deletion")
    assert make(person(acme, role), f"{area}:write").status_code == (201 if allowed else 403)
    form = person(acme, role).post("/compass/keys/new", {"name": "By the page", f"scope_{area}": "write"})
    assert form.status_code == (200 if allowed else 422)
    assert TenantApiKey.objects.filter(scopes__contains=f"{area}:write").count() == (2 if allowed else 0)


def test_a_key_makes_none_that_outlives_it(acme: Tenant) -> None:
    end = timezone.now() + timedelta(days=7)
    _, text = api_key_create(tenant=acme, name="week", scopes=["keys:write", "calls:read"], expires_at=end)
    week = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {text}"})
    late = make(week, "calls:read", expires_at=(end + timedelta(hours=1)).isoformat())
    assert (late.status_code, late.json()["code"]) == (403, "beyond_maker")
    assert make(week, "calls:read").json()["expires_at"] == end.isoformat().replace("+00:00", "Z")
    sooner = make(week, "calls:read", expires_at=(end - timedelta(days=1)).isoformat())
    assert sooner.status_code == 201 and TenantApiKey.objects.filter(name="Web shop", expires_at__lte=end).count() == 2


def test_what_cannot_be_a_key_is_told(acme: Tenant) -> None:
    admin = person(acme, Role.ADMIN)
    assert make(admin).json()["errors"].keys() == {"scopes"} == make(admin, "everything").json()["errors"].keys()
    assert make(admin, "calls:read", name="").json()["errors"].keys() == {"name"}
    past = make(admin, "calls:read", expires_at="2020-01-01T00:00:00Z")
    assert past.status_code == 422 and "lies ahead" in past.json()["detail"]
    assert not TenantApiKey.objects.exists()


def test_whose_keys_they_are(acme: Tenant, globex: Tenant) -> None:
    key, _ = api_key_create(tenant=acme, name="shop", scopes=["calls:read"])
    asked = [("GET", KEYS), ("POST", KEYS), ("GET", f"{KEYS}/{key.pk}"), ("DELETE", f"{KEYS}/{key.pk}")]
    only_for(acme, globex, asked, scope="keys", roles=ADMINS)
    theirs = program(globex, "keys:write")
    assert [theirs.get(f"{KEYS}/{key.pk}").status_code, theirs.delete(f"{KEYS}/{key.pk}").status_code] == [404, 404]
    assert [one["name"] for one in theirs.get(KEYS).json()["results"]] == ["program"] * 2
    key.refresh_from_db()
    assert key.revoked_at is None
