"""Mails to strangers and questions by strangers have an end: invitations by company and address, the sign-up form by network."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from apps.tenants.models import Invitation, Role, Tenant, User
from apps.tenants.services import person_add
from tests.tenants.test_people_api import program
from tests.tenants.test_signup import GIVEN

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
INVITE, AGAIN = "/compass/people/invite", "/compass/people/invitations/{}/resend"


@pytest.fixture(autouse=True)
def _commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mails leave after the commit; here at once."""
    monkeypatch.setattr("apps.tenants.services_people.transaction.on_commit", lambda run: run())


@pytest.fixture
def rates(settings: Any) -> Callable[..., None]:
    def set_(**rates: str) -> None:
        settings.ACCOUNT_RATE_LIMITS = rates

    return set_


def invite(client: Client, email: str) -> Any:
    return client.post(INVITE, {"email": email, "role": "agent"})


def test_a_company_mails_so_many_and_no_more(rates: Any, client_for: ClientFor, alice: User, acme: Tenant) -> None:
    rates(invitation_company="2/d/key")
    admin = client_for(alice, "acme")
    assert [invite(admin, f"{name}@acme.test").status_code for name in ("dora", "emil")] == [302, 302]
    refused = invite(admin, "frida@acme.test")
    assert refused.status_code == 422 and "Acme has sent many invitations" in refused.content.decode()
    assert len(mail.outbox) == Invitation.objects.filter(tenant=acme).count() == 2


def test_another_company_is_not_held_back(rates: Any, client_for: ClientFor, alice: User, charlie: User, globex: Tenant) -> None:
    rates(invitation_company="1/d/key")
    person_add(tenant=globex, email="gina@globex.test", role=Role.ADMIN)
    assert invite(client_for(alice, "acme"), "dora@acme.test").status_code == 302
    assert invite(client_for(User.objects.get(email="gina@globex.test"), "globex"), "hans@globex.test").status_code == 302


def test_one_address_is_left_in_peace_by_all_companies(
    rates: Any, client_for: ClientFor, alice: User, acme: Tenant, globex: Tenant
) -> None:
    rates(invitation_address="2/d/key")
    admin = client_for(alice, "acme")
    invite(admin, "dora@acme.test")
    made = Invitation.objects.get(tenant=acme)
    admin.post(AGAIN.format(made.pk))
    assert len(mail.outbox) == 2
    told = admin.post(AGAIN.format(made.pk), follow=True)
    assert "dora@acme.test was sent many invitations" in told.content.decode()
    other = program(globex, "people:write").post(
        "/api/v1/invitations", {"email": "Dora@acme.test", "role": "agent"}, "application/json"
    )
    assert (other.status_code, other.json()["code"]) == (429, "too_many_invitations")
    assert len(mail.outbox) == 2 and not Invitation.objects.filter(tenant=globex).exists()


def test_a_program_is_held_back_too_when_it_sends_again(rates: Any, client_for: ClientFor, acme: Tenant) -> None:
    rates(invitation_company="1/d/key")
    key = program(acme, "people:write")
    made = key.post("/api/v1/invitations", {"email": "dora@acme.test", "role": "agent"}, "application/json").json()
    again = key.post(f"/api/v1/invitations/{made['id']}/resend")
    assert (again.status_code, len(mail.outbox)) == (429, 1)


def test_the_sign_up_form_says_so_often_who_has_a_log_in(rates: Any, client_for: ClientFor, alice: User) -> None:
    rates(company_signup_try="2/h/ip")
    client, asked = client_for(None, ""), {**GIVEN, "email": alice.email}
    said = [client.post("/signup", asked) for _ in range(3)]
    assert [answer.status_code for answer in said] == [422, 422, 429]
    assert ["There is a log-in" in answer.content.decode() for answer in said] == [True, True, False]
    page = said[2].content.decode()
    assert "many times from your network" in page and alice.email in page and GIVEN["password"] not in page
    assert client.get("/signup").status_code == 200
