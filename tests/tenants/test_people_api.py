"""/api/v1/people and /api/v1/invitations: by role, by scope, never an owner by a key, never another company's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from apps.tenants.keys import api_key_create
from apps.tenants.models import Invitation, Membership, Role, Tenant, User
from apps.tenants.services import person_add
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
JSON = "application/json"


def program(tenant: Tenant, *scopes: str) -> Client:
    _, key = api_key_create(tenant=tenant, name="sync", scopes=scopes)
    return Client(headers={"host": f"{tenant.schema_name}.localhost", "authorization": f"Api-Key {key}"})


@pytest.fixture
def key(acme: Tenant) -> Client:
    return program(acme, "people:write")


@pytest.fixture
def owner(acme: Tenant) -> Membership:
    return person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga", password=PASSWORD)


@pytest.fixture
def at(bob: User) -> str:
    return f"/api/v1/people/{bob.memberships.get().pk}"


def test_people_are_listed_a_page_at_a_time(key: Client, owner: Membership) -> None:
    first = key.get("/api/v1/people", {"limit": 2}).json()
    assert [one["email"] for one in first["results"]] == ["alice@acme.test", "bob@acme.test"]
    second = key.get(first["next"]).json()
    assert second["next"] is None
    [olga] = second["results"]
    assert olga == {
        "id": owner.pk,
        "email": "olga@acme.test",
        "name": "Olga",
        "role": "owner",
        "active": True,
        "second_factor": False,
        "logged_in_at": None,
    }


def test_a_role_is_changed(key: Client, at: str) -> None:
    answer = key.patch(at, {"role": "supervisor"}, content_type=JSON)
    assert (answer.status_code, answer.json()["role"]) == (200, "supervisor")
    assert key.get(at).json()["role"] == "supervisor"


def test_the_deactivated_are_kept_and_let_in_nowhere(
    client_for: ClientFor, key: Client, at: str, bob: User, globex: Tenant
) -> None:
    person_add(tenant=globex, email=bob.email, role=Role.AGENT)
    here = client_for(None, "acme")
    here.post("/login", {"username": bob.email, "password": PASSWORD})
    assert here.get("/").status_code == 200
    assert key.patch(at, {"active": False}, content_type=JSON).json()["active"] is False
    assert "_auth_user_id" not in here.session
    refused = client_for(None, "acme").post("/login", {"username": bob.email, "password": PASSWORD})
    assert "do not go together" in refused.content.decode()
    assert client_for(bob, "acme").get("/").status_code == 404
    assert client_for(bob, "acme").get("/api/v1/conversations").status_code == 403
    assert client_for(bob, "globex").get("/").status_code == 200
    assert key.get("/api/v1/people").json()["results"][1]["active"] is False
    assert key.patch(at, {"active": True}, content_type=JSON).json()["role"] == "agent"
    assert client_for(bob, "acme").get("/").status_code == 200


def test_who_is_removed_is_gone(key: Client, at: str) -> None:
    assert key.delete(at).status_code == 204
    assert key.get(at).status_code == 404 and key.delete(at).status_code == 404


def test_somebody_is_invited_once_again_and_not(key: Client, acme: Tenant, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = key.post("/api/v1/invitations", {"email": "Dora@acme.test", "role": "agent"}, content_type=JSON)
    assert (made.status_code, made.json()["email"], made.json()["invited_by"]) == (201, "dora@acme.test", None)
    assert "http://acme.localhost/join/" in mail.outbox[0].body
    again = key.post("/api/v1/invitations", {"email": "dora@acme.test", "role": "agent"}, content_type=JSON)
    assert (again.status_code, again["Content-Type"]) == (422, "application/problem+json")
    address = f"/api/v1/invitations/{made.json()['id']}"
    with django_capture_on_commit_callbacks(execute=True):
        assert key.post(f"{address}/resend").status_code == 200
    assert len(mail.outbox) == 2
    assert [one["role"] for one in key.get("/api/v1/invitations").json()["results"]] == ["agent"]
    assert key.delete(address).status_code == 204
    assert key.post(f"{address}/resend").status_code == 404 and not Invitation.objects.exists()


def test_an_invitation_is_sent_once_for_a_key_of_its_own(key: Client, django_capture_on_commit_callbacks: Any) -> None:
    given, once = {"email": "dora@acme.test", "role": "agent"}, {"Idempotency-Key": "dora-1"}
    with django_capture_on_commit_callbacks(execute=True):
        first = key.post("/api/v1/invitations", given, content_type=JSON, headers=once)
        second = key.post("/api/v1/invitations", given, content_type=JSON, headers=once)
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, first.json())
    assert second["Idempotent-Replayed"] == "true" and len(mail.outbox) == 1


# Owners


@pytest.mark.parametrize("without_owner", [True, False])
def test_a_key_never_makes_an_owner(key: Client, acme: Tenant, at: str, without_owner: bool, alice: User) -> None:
    """Not even where no owner is there yet, and admins lead."""
    if not without_owner:
        person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER)
    for answer in (
        key.patch(at, {"role": "owner"}, content_type=JSON),
        key.post("/api/v1/invitations", {"email": "dora@acme.test", "role": "owner"}, content_type=JSON),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "owners_only")
    assert not Membership.objects.filter(tenant=acme, role=Role.OWNER).exclude(user__email="olga@acme.test").exists()
    assert not Invitation.objects.exists()


def test_a_key_touches_no_owner(key: Client, owner: Membership) -> None:
    address = f"/api/v1/people/{owner.pk}"
    for answer in (
        key.patch(address, {"role": "agent"}, content_type=JSON),
        key.patch(address, {"active": False}, content_type=JSON),
        key.delete(address),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "owners_only")
    owner.refresh_from_db()
    assert (owner.role, owner.deactivated_at) == (Role.OWNER, None)


def test_the_last_owner_stays(client_for: ClientFor, owner: Membership) -> None:
    client, address = client_for(owner.user, "acme"), f"/api/v1/people/{owner.pk}"
    assert "only owner" in client.patch(address, {"role": "admin"}, content_type=JSON).json()["detail"]
    assert "yourself" in client.patch(address, {"active": False}, content_type=JSON).json()["detail"]
    assert client.delete(address).status_code == 422


def test_a_deactivated_owner_does_not_count(client_for: ClientFor, acme: Tenant, owner: Membership) -> None:
    other = person_add(tenant=acme, email="otto@acme.test", role=Role.OWNER)
    client = client_for(owner.user, "acme")
    assert client.patch(f"/api/v1/people/{other.pk}", {"active": False}, content_type=JSON).status_code == 200
    assert "only owner" in client.patch(f"/api/v1/people/{owner.pk}", {"role": "admin"}, content_type=JSON).json()["detail"]


def test_an_owner_makes_owners_and_an_admin_does_not(client_for: ClientFor, owner: Membership, alice: User, at: str) -> None:
    assert client_for(alice, "acme").patch(at, {"role": "owner"}, content_type=JSON).status_code == 422
    assert client_for(owner.user, "acme").patch(at, {"role": "owner"}, content_type=JSON).json()["role"] == "owner"


# Who may ask


def test_scopes(acme: Tenant, at: str) -> None:
    reader, other = program(acme, "people:read"), program(acme, "calls:write", "numbers:write")
    assert reader.get("/api/v1/people").status_code == 200
    for answer in (reader.patch(at, {"role": "admin"}, content_type=JSON), other.get("/api/v1/people"), other.delete(at)):
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert Membership.objects.get(user__email="bob@acme.test").role == Role.AGENT


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.AGENT, Role.FINANCE])
def test_roles(client_for: ClientFor, bob: User, at: str, role: Role) -> None:
    Membership.objects.filter(user=bob).update(role=role)
    client = client_for(bob, "acme")
    assert client.get("/api/v1/people").status_code == client.get("/api/v1/invitations").status_code == 403
    assert client.patch(at, {"role": "admin"}, content_type=JSON).status_code == 403


def test_the_outsider(client_for: ClientFor, charlie: User, globex: Tenant, at: str, acme: Tenant) -> None:
    assert client_for(charlie, "acme").get("/api/v1/people").status_code == 403
    theirs = program(globex, "people:write")
    assert [one["email"] for one in theirs.get("/api/v1/people").json()["results"]] == ["charlie@globex.test"]
    for answer in (theirs.get(at), theirs.patch(at, {"active": False}, content_type=JSON), theirs.delete(at)):
        assert answer.status_code == 404
    invitation = Invitation.objects.create(tenant=acme, email="dora@acme.test", role=Role.AGENT)
    assert theirs.delete(f"/api/v1/invitations/{invitation.pk}").status_code == 404
    assert theirs.get("/api/v1/invitations").json()["results"] == []
    stolen = Client(headers={"host": "acme.localhost", "authorization": theirs.defaults["HTTP_AUTHORIZATION"]})
    assert stolen.get("/api/v1/people").status_code == 401


@pytest.mark.parametrize("given", [{"role": "king"}, {"active": "maybe"}, [], {"role": None}])
def test_what_is_wrong_is_said(key: Client, at: str, given: Any) -> None:
    answer = key.patch(at, given, content_type=JSON)
    assert answer.status_code in (400, 422) and answer["Content-Type"] == "application/problem+json"


def test_ids_that_no_database_has(key: Client) -> None:
    assert key.get(f"/api/v1/people/{2**70}").status_code == 404


# The page


def test_an_admin_deactivates_on_the_page(client_for: ClientFor, alice: User, bob: User) -> None:
    client, member = client_for(alice, "acme"), bob.memberships.get()
    assert client.post(f"/compass/people/{member.pk}/deactivate").status_code == 302
    assert "Deactivated" in client.get("/compass/people/").content.decode()
    assert Membership.everyone.get(pk=member.pk).deactivated_at is not None
    invited = client.post("/compass/people/invite", {"email": bob.email, "role": "agent"})
    assert invited.status_code == 422
    client.post(f"/compass/people/{member.pk}/activate")
    assert Membership.objects.filter(pk=member.pk).exists()
