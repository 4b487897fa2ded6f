"""The address of a conversation that became part of another leads there, whatever is asked of it."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.desktop.models import Conversation
from apps.desktop.services.contacts.merging import contact_merge
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant, User
from tests.desktop.factories import RecordingChannel, a_conversation, says

ROOT = "/api/v1/conversations"
Clients = Callable[[User | None, str], Client]


@pytest.fixture
def joined(desk: RecordingChannel) -> tuple[str, str]:
    """The ids of a conversation that is gone, and of the one that it is part of."""
    one, other = a_conversation(agent=False), a_conversation(agent=False)
    says(one, "First")
    says(other, "Second")
    contact_merge(contact=one.contact, other=other.contact)
    left = Conversation.objects.get()
    return next(str(row.pk) for row in (one, other) if row.pk != left.pk), str(left.pk)


def test_reading_leads_to_the_one_that_is_left(joined: tuple[str, str], client_for: Clients, bob: User) -> None:
    gone, left = joined
    client = client_for(bob, "acme")
    answer = client.get(f"{ROOT}/{gone}")
    assert (answer.status_code, answer.headers["Location"], answer.json()) == (308, f"{ROOT}/{left}", {"id": left})
    moved = client.get(f"{ROOT}/{gone}/messages?limit=1").headers["Location"]
    assert moved == f"{ROOT}/{left}/messages?limit=1"
    assert client.get(moved).json()["results"][0]["text"] == "Second"


def test_a_claim_of_it_is_a_claim_of_what_is_left(joined: tuple[str, str], acme: Tenant, bob: User) -> None:
    gone, left = joined
    _, secret = api_key_create(tenant=acme, name="shop", scopes=["conversations:write"])
    headers = {"host": "acme.localhost", "authorization": f"Api-Key {secret}", "x-meridian-user": "bob@acme.test"}
    client = Client(headers={**headers, "idempotency-key": "claim-1"})
    moved = client.post(f"{ROOT}/{gone}/claim")
    assert moved.headers["Location"] == f"{ROOT}/{left}/claim"
    claimed = client.post(moved.headers["Location"])
    assert (claimed.status_code, claimed.json()["assignee_id"]) == (200, str(bob.pk)), "the key was not used up by being led on"
    assert client.post(f"{ROOT}/{gone}/claim").status_code == 409


def test_the_outsider_learns_nothing(joined: tuple[str, str], client_for: Clients, charlie: User) -> None:
    assert client_for(charlie, "acme").get(f"{ROOT}/{joined[0]}").status_code == 403
    assert client_for(None, "acme").get(f"{ROOT}/{joined[0]}").status_code == 401
    assert client_for(charlie, "globex").get(f"{ROOT}/{joined[0]}").status_code == 404
