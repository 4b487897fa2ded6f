"""Nobody comes by a log-in that is not theirs: not at the same moment, not before its owner, not by the link in a mail."""

import re
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from apps.tenants.models import Membership, Role, Tenant, User
from apps.tenants.models_domains import CustomDomain
from apps.tenants.services import LogInExists, company_create
from apps.tenants.services_people import PeopleError, invitation_accept, invitation_create, invitation_withdraw
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
NEW = "new-meadow-31"


def signed_up(**more: str) -> User:
    given = {"slug": "initech", "name": "Initech", "email": "vic@corp.test", "person": "Vic", "password": PASSWORD}
    return company_create(**{**given, **more})


def test_whoever_signs_up_a_moment_later_gets_nobody_elses_log_in(alice: User) -> None:
    with pytest.raises(LogInExists):
        signed_up(email=alice.email.upper())
    assert not Tenant.objects.filter(schema_name="initech").exists()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD) and alice.memberships.count() == 1


def reset_by_mail(client: Client, email: str, host: str) -> None:
    client.post("/account/password/forgotten", {"email": email})
    found = re.search(rf"http://{host}(/account/password/new/\S+)", mail.outbox[-1].body)
    assert found
    form = client.get(found[1])["Location"]
    assert client.post(form, {"password1": NEW, "password2": NEW}).status_code == 302


@pytest.mark.parametrize(("verified", "left"), [(False, 0), (True, 2)])
def test_what_was_set_up_before_the_address_was_proven_ends_with_a_new_password(
    client_for: ClientFor, verified: bool, left: int
) -> None:
    """Somebody signs up with another's address and adds a passkey; the other is invited somewhere and has no password."""
    user = signed_up()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
    EmailAddress.objects.create(user=user, email="mallory@evil.test", primary=False, verified=False)
    for kind in (Authenticator.Type.WEBAUTHN, Authenticator.Type.TOTP):
        Authenticator.objects.create(user=user, type=kind, data={})
    reset_by_mail(client_for(None, ""), user.email, "localhost")
    assert Authenticator.objects.filter(user=user).count() == left
    assert EmailAddress.objects.get(user=user, primary=True).verified
    assert EmailAddress.objects.filter(user=user, primary=False).exists() == verified


def test_a_companys_own_host_name_gets_nobody_elses_link(acme: Tenant, alice: User, charlie: User) -> None:
    """Whoever rules service.acme.example may lead it elsewhere, and would read what is opened there."""
    CustomDomain.objects.create(tenant=acme, domain="service.acme.example", token="t", verified_at=alice.date_joined)
    acme.domains.create(domain="service.acme.example", is_primary=False)
    client = Client(headers={"host": "service.acme.example"})
    for person in (charlie, alice):
        client.post("/account/password/forgotten", {"email": person.email})
        assert "http://localhost:8000/account/password/new/" in mail.outbox[-1].body
        assert "service.acme.example/account/password" not in mail.outbox[-1].body


def test_an_invitation_that_was_withdrawn_meanwhile_lets_nobody_in(acme: Tenant, alice: User, charlie: User) -> None:
    invitation = invitation_create(tenant=acme, email=charlie.email, role=Role.AGENT, by=alice, address="http://x/")
    invitation_withdraw(invitation=type(invitation).objects.get(pk=invitation.pk))
    with pytest.raises(PeopleError, match="withdrawn"):
        invitation_accept(invitation=invitation, user=charlie)
    assert not Membership.objects.filter(tenant=acme, user=charlie).exists()


def test_certificates_are_for_companies_that_are_there(acme: Tenant) -> None:
    client = Client(headers={"host": "web:8000"})
    wanted = {"localhost": 200, "acme.localhost": 200, "www.acme.localhost": 200, "no-one.localhost": 404, "a.b.localhost": 404}
    for domain, status in wanted.items():
        assert (domain, client.get("/domains/allowed", {"domain": domain}).status_code) == (domain, status)
