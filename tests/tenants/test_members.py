"""People: invitations, roles, the last owner, and those who leave."""

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client

from apps.tenants.models import Invitation, Membership, Role, Tenant, User
from apps.tenants.services import person_add
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]


@pytest.fixture(autouse=True)
def _commits(django_capture_on_commit_callbacks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mails leave after the commit; here at once."""
    monkeypatch.setattr("apps.tenants.services_people.transaction.on_commit", lambda run: run())


def invited(admin: Client, email: str = "dora@acme.test", role: str = "agent") -> str:
    answer = admin.post("/compass/people/invite", {"email": email, "role": role})
    assert answer.status_code == 302
    return link()


def link() -> str:
    found = re.search(r"http://acme\.localhost(/join/\S+)", mail.outbox[-1].body)
    assert found
    return found[1]


def test_somebody_new_joins_by_the_link_once(admin: Client, client_for: ClientFor, acme: Tenant) -> None:
    path = invited(admin)
    assert mail.outbox[-1].to == ["dora@acme.test"] and "Acme" in mail.outbox[-1].subject
    assert 'href="http://acme.localhost/join/' in mail.outbox[-1].alternatives[0][0]
    dora = client_for(None, "acme")
    assert "dora@acme.test" in dora.get(path).content.decode()
    assert dora.post(path, {"name": "Dora", "password": "12345"}).status_code == 422
    assert dora.post(path, {"name": "Dora", "password": "green-field-55"})["Location"] == "/"
    assert dora.get("/").status_code == 200
    assert Membership.objects.get(tenant=acme, user__email="dora@acme.test").role == Role.AGENT
    assert client_for(None, "acme").get(path).status_code == 410


def test_a_person_with_a_log_in_joins_with_their_password(admin: Client, client_for: ClientFor, acme: Tenant) -> None:
    path = invited(admin, "charlie@globex.test", "supervisor")
    visitor = client_for(None, "acme")
    assert visitor.post(path, {"password": "not-it-at-all"}).status_code == 422
    assert not Membership.objects.filter(tenant=acme, user__email="charlie@globex.test").exists()
    assert visitor.post(path, {"password": PASSWORD})["Location"] == "/login"
    assert Membership.objects.get(tenant=acme, user__email="charlie@globex.test").role == Role.SUPERVISOR


def test_another_person_cannot_take_an_invitation(admin: Client, client_for: ClientFor, bob: User, acme: Tenant) -> None:
    path = invited(admin, "charlie@globex.test")
    client_for(bob, "acme").post(path)
    assert Invitation.objects.get(tenant=acme).email == "charlie@globex.test"


def test_sent_again_the_first_link_is_worth_nothing(admin: Client, client_for: ClientFor) -> None:
    first = invited(admin)
    admin.post(f"/compass/people/invitations/{Invitation.objects.get().pk}/resend")
    assert client_for(None, "acme").get(first).status_code == 410
    assert client_for(None, "acme").get(link()).status_code == 200


def test_withdrawn_and_of_another_company_it_does_not_work(admin: Client, client_for: ClientFor) -> None:
    path = invited(admin)
    assert client_for(None, "globex").get(path).status_code == 410
    admin.post(f"/compass/people/invitations/{Invitation.objects.get().pk}/withdraw")
    assert client_for(None, "acme").get(path).status_code == 410


@pytest.mark.parametrize(
    ("email", "says"),
    [
        ("bob@acme.test", "works here already"),
        ("no-address", "valid email"),
        (f"dora@{'long.' * 55}test", "at most 254 characters"),
    ],
)
def test_an_invitation_that_cannot_be_is_said(admin: Client, email: str, says: str) -> None:
    answer = admin.post("/compass/people/invite", {"email": email, "role": "agent"})
    assert answer.status_code == 422 and says in answer.content.decode()


def member(email: str) -> Membership:
    return Membership.objects.get(tenant__schema_name="acme", user__email=email)


def test_roles_change_and_people_leave_with_their_sessions(admin: Client, client_for: ClientFor, bob: User) -> None:
    theirs = client_for(None, "acme")
    theirs.post("/login", {"username": bob.email, "password": PASSWORD})
    assert theirs.get("/").status_code == 200
    admin.post(f"/compass/people/{member(bob.email).pk}/role", {"role": "supervisor"})
    assert member(bob.email).role == Role.SUPERVISOR
    admin.post(f"/compass/people/{member(bob.email).pk}/remove")
    assert not Membership.objects.filter(user=bob).exists() and User.objects.filter(pk=bob.pk).exists()
    assert theirs.get("/")["Location"].startswith("/login")


def test_the_last_owner_stays(client_for: ClientFor, acme: Tenant, bob: User) -> None:
    owner = person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga", password=PASSWORD)
    client = client_for(owner.user, "acme")
    for path, data in (("role", {"role": "admin"}), ("remove", {})):
        client.post(f"/compass/people/{owner.pk}/{path}", data)
        assert member("olga@acme.test").role == Role.OWNER
    client.post(f"/compass/people/{member(bob.email).pk}/role", {"role": "owner"})
    client.post(f"/compass/people/{owner.pk}/role", {"role": "admin"})
    assert (member(bob.email).role, member("olga@acme.test").role) == (Role.OWNER, Role.ADMIN)


def test_an_admin_neither_makes_nor_touches_owners(admin: Client, acme: Tenant, bob: User) -> None:
    owner = person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga", password=PASSWORD)
    admin.post(f"/compass/people/{member(bob.email).pk}/role", {"role": "owner"})
    admin.post(f"/compass/people/{owner.pk}/remove")
    assert (member(bob.email).role, member("olga@acme.test").role) == (Role.AGENT, Role.OWNER)
    answer = admin.post("/compass/people/invite", {"email": "x@acme.test", "role": "owner"})
    assert "Only an owner" in answer.content.decode()


def test_people_of_another_company_are_out_of_reach(admin: Client, charlie: User) -> None:
    theirs = Membership.objects.get(user=charlie)
    assert admin.post(f"/compass/people/{theirs.pk}/remove").status_code == 404
    assert admin.post(f"/compass/people/{theirs.pk}/role", {"role": "agent"}).status_code == 404
