"""What a suspended company's host shows: why, to its people; that it is away, to everybody else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.billing.services.staff import company_restore, company_suspend
from apps.tenants.models import Tenant, User
from apps.tenants.services_company import tenant_suspend
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., Client]
REASON = "Three invoices are open since August."


@pytest.fixture
def suspended(acme: Tenant, settings: Any) -> Tenant:
    settings.PLATFORM_CONTACT = "help@meridian.test"
    company_suspend(tenant=acme, reason=REASON, by="root@meridian.test")
    return acme


@pytest.mark.parametrize("path", ["/", "/calls/", "/staff/", "/admin/", "/login"])
def test_its_people_read_why_and_whom_to_ask(client_for: ClientFor, suspended: Tenant, bob: User, path: str) -> None:
    answer = client_for(bob, "acme").get(path)
    said = answer.content.decode()
    assert (answer.status_code, REASON in said, "help@meridian.test" in said) == (404, True, True)


def test_strangers_are_not_told_why(client_for: ClientFor, suspended: Tenant, charlie: User, root: User) -> None:
    for user in (None, charlie, root):
        said = client_for(user, "acme").get("/call/reception").content.decode().lower()
        assert "not available at the moment" in said
        assert not [words for words in (REASON.lower(), "acme", "suspended") if words in said]


def test_a_log_in_of_another_company_is_a_strangers(client_for: ClientFor, suspended: Tenant, bob: User) -> None:
    client = client_for(bob, "acme")
    session = client.session
    session["tenant"] = "globex"
    session.save()
    assert REASON not in client.get("/").content.decode()


def test_programs_get_a_problem(client_for: ClientFor, suspended: Tenant) -> None:
    for method in ("get", "post"):
        answer = getattr(client_for(None, "acme"), method)("/api/v1/conversations", headers={"Idempotency-Key": "k-1"})
        assert (answer.status_code, answer.json()["code"]) == (404, "suspended")


def test_the_public_log_in_says_why(client_for: ClientFor, suspended: Tenant, bob: User) -> None:
    client = client_for(None, "")
    said = client.post("/login", {"username": bob.email, "password": PASSWORD}).content.decode()
    assert REASON in said
    assert "Ask help@meridian.test." in said
    assert REASON not in client.post("/login", {"username": bob.email, "password": "wrong"}).content.decode()


def test_without_a_reason_or_a_contact_the_page_still_helps(client_for: ClientFor, acme: Tenant, bob: User) -> None:
    company_suspend(tenant=acme, reason=REASON, by="root@meridian.test")
    company_restore(tenant=acme, reason="Paid.", by="root@meridian.test")
    tenant_suspend(tenant=acme)  # as manage.py tenant_suspend does
    said = client_for(bob, "acme").get("/").content.decode()
    assert REASON not in said
    assert "ask whoever runs this Meridian" in said


def test_a_deleted_company_is_simply_not_there(client_for: ClientFor, acme: Tenant, bob: User) -> None:
    Tenant.objects.filter(pk=acme.pk).update(status=Tenant.Status.DELETED)
    answer = client_for(bob, "acme").get("/")
    assert (answer.status_code, "suspended" in answer.content.decode()) == (404, False)
