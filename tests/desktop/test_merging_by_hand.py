"""A supervisor makes one contact of two: found, shown before, done once, written down."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django_tenants.utils import tenant_context

from apps.core.errors import TransientError
from apps.core.ids import uuid7
from apps.desktop.models import Contact, Conversation
from apps.desktop.selectors.contacts import phones_of
from apps.desktop.services.contacts import contact_update
from apps.desktop.services.conversations import joining
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant, User
from tests.desktop.factories import RecordingChannel, a_contact, a_conversation, says

Clients = Callable[[User | None, str], Client]
Pair = tuple[Conversation, Conversation]


@pytest.fixture
def two(desk: RecordingChannel) -> Pair:
    """Dana by two numbers: she called, and then wrote; tagged and with a field each."""
    first = a_conversation(agent=False, contact=a_contact(name="Dana", phone="+15550001", identities={"phone": "+15550001"}))
    second = a_conversation(agent=False, contact=a_contact(name="Dana W.", phone="+15550002"))
    says(first, "I called")
    says(second, "I write")
    contact_update(contact=first.contact, user_id=None, tags=["vip"], fields={"Customer": "4711"})
    contact_update(
        contact=second.contact, user_id=None, email="dana@example.com", tags=["new", "vip"], fields={"Customer": "4712"}
    )
    return first, second


def merge(client: Client, one: Any, other: Any, **headers: str) -> Any:
    return client.post(
        f"/api/v1/contacts/{one}/merge", {"other_id": str(other)}, content_type="application/json", headers=headers or None
    )


def test_the_api_makes_one_of_two(two: Pair, client_for: Clients, alice: User) -> None:
    first, second = two
    answer = merge(client_for(alice, "acme"), second.contact_id, first.contact_id)
    body = answer.json()
    assert (answer.status_code, body["id"], body["name"], body["email"]) == (
        200,
        str(first.contact_id),
        "Dana",
        "dana@example.com",
    )
    assert (body["tags"], body["fields"]["Customer"], body["fields"]["Customer (2)"]) == (["vip", "new"], "4711", "4712")
    assert set(body["phones"]) >= {"+15550001"} and len(body["phones"]) == 2
    assert Conversation.objects.get().messages.count() == 2
    assert client_for(alice, "acme").get(f"/api/v1/contacts/{second.contact_id}").status_code == 404
    entry = LogEntry.objects.get_for_object(Contact.objects.get()).filter(actor_email="alice@acme.test").latest("pk")
    assert entry.changes["merged name"] == ["Dana W.", "Dana"]


def test_agents_and_outsiders_may_not(two: Pair, acme: Tenant, client_for: Clients, bob: User, charlie: User) -> None:
    ids = [row.contact_id for row in two]
    refused = merge(client_for(bob, "acme"), *ids)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_supervisor")
    one = f"/desktop/{two[0].pk}/same"
    for path in (one, f"{one}?q=Dana", f"{one}/{ids[1]}"):
        assert client_for(bob, "acme").get(path).status_code == 403
    assert client_for(bob, "acme").post(f"{one}/{ids[1]}").status_code == 403
    assert "Same person as" not in client_for(bob, "acme").get(f"/desktop/{two[0].pk}/").content.decode()
    assert merge(client_for(charlie, "acme"), *ids).status_code == 403
    assert merge(client_for(charlie, "globex"), *ids).status_code == 404
    assert client_for(charlie, "globex").get(one).status_code == 404
    with tenant_context(acme):
        assert Contact.objects.count() == 2


def test_a_key_merges_for_a_supervisor_only(two: Pair, acme: Tenant) -> None:
    _, secret = api_key_create(tenant=acme, name="crm", scopes=["conversations:write"])
    key = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {secret}"})
    ids = [row.contact_id for row in two]
    found = key.get("/api/v1/contacts?q=dana").json()["results"]
    assert {row["id"] for row in found} == {str(pk) for pk in ids}
    assert merge(key, *ids, **{"x-meridian-user": "bob@acme.test"}).json()["code"] == "not_supervisor"
    assert merge(key, *ids).json()["code"] == "user_required"
    assert merge(key, *ids, **{"x-meridian-user": "alice@acme.test"}).status_code == 200


def test_what_makes_no_sense(two: Pair, client_for: Clients, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client, (first, second) = client_for(alice, "acme"), two
    assert merge(client, first.contact_id, first.contact_id).json()["code"] == "same_contact"
    assert merge(client, first.contact_id, uuid7()).json()["code"] == "unknown_contact"

    def waits(kept: Conversation, gone: Conversation) -> None:
        raise TransientError("A message is on its way.")

    monkeypatch.setitem(joining._listeners, "test", waits)
    answer = merge(client, first.contact_id, second.contact_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "merge_waits")
    assert Contact.objects.count() == 2


def test_the_page_finds_shows_and_merges(two: Pair, client_for: Clients, alice: User) -> None:
    client, (first, second) = client_for(alice, "acme"), two
    one = f"/desktop/{second.pk}/same"
    assert "Same person as" in client.get(f"/desktop/{second.pk}/").content.decode()
    found = client.get(f"{one}?q=0001").content.decode()
    assert str(first.contact_id) in found and str(second.contact_id) not in found
    assert "Nobody else is called that" in client.get(f"{one}?q=Nemo").content.decode()
    shown = client.get(f"{one}/{first.contact_id}").content.decode()
    for words in ("4711", "Customer (2)", "dana@example.com", "vip, new", "the two become one", "cannot be taken back"):
        assert words in shown
    assert Contact.objects.count() == 2, "looking changes nothing"
    done = client.post(f"{one}/{first.contact_id}", headers={"hx-request": "true"})
    assert json.loads(done.headers["HX-Trigger"])["toast"]["text"] == "They are one contact now: Dana."
    assert Contact.objects.get().pk == first.contact_id
    assert set(phones_of(Contact.objects.get())) >= {"+15550001"}


def test_somebody_with_the_same_name_is_offered_at_once(two: Pair, client_for: Clients, alice: User) -> None:
    first, second = two
    offered = client_for(alice, "acme").get(f"/desktop/{first.pk}/same").content.decode()
    assert "With the same name" in offered and str(second.contact_id) in offered
