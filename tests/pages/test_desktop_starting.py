"""A colleague writes first: within WhatsApp's rules, into one conversation, and from their own company's numbers."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.desktop.models import Contact, ContactIdentity, Conversation, Message
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.conversations import conversation_claim, conversation_open, conversation_resolve
from apps.desktop.services.messages import message_receive
from apps.desktop.services.team import team_create
from apps.tenants.models import Tenant, User
from apps.whatsapp.services.numbers import mapping_set
from tests.pages.desk import DeskChannel, desk_channel

ClientFor = Callable[[User | None, str], Client]
LINE = "106540352242922"
KEY = f"whatsapp:{LINE}"
NUMBER = "+447700900123"
TEMPLATE = {"name": "we_missed_you", "language": "en"}


@pytest.fixture(autouse=True)
def channel(acme: Tenant) -> Iterator[DeskChannel]:
    with tenant_context(acme):
        mapping_set(phone_number_id=LINE, label="Main", team=team_create(slug="support", name="Support").slug)
    with desk_channel() as stand_in:
        yield stand_in


def start(client: Client, **values: Any) -> Any:
    return client.post("/desktop/start", {"line": KEY, "to": NUMBER, **values}, headers={"HX-Request": "true"})


def asked(client: Client, **values: str) -> str:
    return client.get("/desktop/new", {"line": KEY, "to": NUMBER, **values}, headers={"HX-Request": "true"}).content.decode()


def wrote(phone: str = NUMBER, hours: float = 1) -> Conversation:
    """A contact wrote so many hours ago, and it was resolved."""
    contact = contact_upsert(identities={"wa_id": phone[1:]}, name="Dana", phone=phone)
    made, _ = conversation_open(contact=contact, channel="whatsapp", line=LINE)
    at = timezone.now() - timedelta(hours=hours)
    message_receive(conversation=made, external_id="wamid.1", kind="text", text="Hello", payload={}, at=at)
    return conversation_resolve(conversation_id=made.pk, user_id=None)


def test_a_template_opens_a_conversation_that_is_ones_own(
    client_for: ClientFor, acme: Tenant, bob: User, channel: DeskChannel
) -> None:
    client = client_for(bob, "acme")
    assert "takes only a template" in asked(client) and "we_missed_you" in asked(client)
    answer = start(client, called="Dana", **TEMPLATE)
    with tenant_context(acme):
        conversation = Conversation.objects.get()
        assert answer["HX-Redirect"] == f"/desktop/{conversation.pk}/"
        assert (conversation.assignee_id, conversation.status, conversation.line) == (bob.pk, "open", LINE)
        assert (conversation.contact.name, conversation.contact.phone) == ("Dana", NUMBER)
        assert ContactIdentity.objects.get().value == NUMBER[1:]
        assert [message.kind for message in channel.sent] == ["template"]
        assert list(conversation.events.values_list("type", flat=True)) == ["started", "message"]


def test_sent_twice_it_is_one_message(client_for: ClientFor, acme: Tenant, bob: User, channel: DeskChannel) -> None:
    client, once = client_for(bob, "acme"), {**TEMPLATE, "request_id": "0b0c4f4e-5f8a-4d0e-9a66-3d0f3c1d2e4f"}
    assert start(client, **once)["HX-Redirect"] == start(client, **once)["HX-Redirect"]
    assert len(channel.sent) == 1


def test_without_a_template_nothing_is_opened_unless_they_wrote_lately(client_for: ClientFor, acme: Tenant, bob: User) -> None:
    client = client_for(bob, "acme")
    assert start(client).status_code == 422
    with tenant_context(acme):
        assert not Conversation.objects.exists() and not Contact.objects.exists()
        wrote()
    assert "you can write freely" in asked(client)
    assert start(client).status_code == 204
    with tenant_context(acme):
        made = Conversation.objects.exclude(status="resolved").get()
        assert (made.assignee_id, made.contact.name) == (bob.pk, "Dana")
        assert made.window_until > timezone.now()


def test_after_24_hours_only_a_template_is_left(client_for: ClientFor, acme: Tenant, bob: User) -> None:
    with tenant_context(acme):
        wrote(hours=25)
    client = client_for(bob, "acme")
    assert "takes only a template" in asked(client)
    assert start(client).status_code == 422


def test_a_conversation_that_is_there_is_gone_on_with(client_for: ClientFor, acme: Tenant, alice: User, bob: User) -> None:
    with tenant_context(acme):
        contact = contact_upsert(identities={"wa_id": NUMBER[1:]}, phone=NUMBER)
        there, _ = conversation_open(contact=contact, channel="whatsapp", line=LINE)
        conversation_claim(conversation_id=there.pk, user_id=alice.pk)
    client = client_for(bob, "acme")
    assert f"{alice} has a conversation with them" in asked(client)
    answer = start(client, **TEMPLATE)
    assert answer.status_code == 409 and str(alice) in answer["HX-Trigger"]
    with tenant_context(acme):
        assert not Message.objects.filter(author="person").exists()


def test_a_caller_is_written_to_as_the_contact_they_are(client_for: ClientFor, acme: Tenant, bob: User) -> None:
    with tenant_context(acme):
        caller = contact_upsert(identities={"phone": NUMBER}, name="Dana", phone=NUMBER)
        called, _ = conversation_open(contact=caller, channel="call", line="+442079460000")
    client = client_for(bob, "acme")
    assert f"/desktop/new?contact={caller.pk}" in client.get(f"/desktop/{called.pk}/").content.decode()
    page = client.get("/desktop/new", {"contact": str(caller.pk)}, headers={"HX-Request": "true"}).content.decode()
    assert "Dana" in page and "we_missed_you" in page
    assert client.post("/desktop/start", {"line": KEY, "contact": str(caller.pk), **TEMPLATE}).status_code == 302
    with tenant_context(acme):
        assert Conversation.objects.get(channel="whatsapp").contact == caller
        assert dict(caller.identities.values_list("kind", "value")) == {"phone": NUMBER, "wa_id": NUMBER[1:]}


def by_api(client: Client, **values: Any) -> Any:
    return client.post("/api/v1/conversations", {"phone": NUMBER, **values}, content_type="application/json")


def test_a_program_writes_first(client_for: ClientFor, acme: Tenant, bob: User, charlie: User, channel: DeskChannel) -> None:
    client = client_for(bob, "acme")
    answer = by_api(client, name="Dana", kind="template", payload={**TEMPLATE, "variables": []})
    assert answer.status_code == 201, answer.json()
    made = answer.json()
    assert (made["assignee_id"], made["contact"]["phone"], made["contact"]["name"]) == (str(bob.pk), NUMBER, "Dana")
    with tenant_context(acme):
        assert [message.kind for message in Message.objects.filter(conversation_id=made["id"])] == ["template"]
    assert by_api(client, phone="nobody", text="Hi").json()["code"] == "unknown_number"
    unknown = by_api(client, line="whatsapp:1", text="Hi")
    assert (unknown.status_code, unknown.json()["code"], KEY in unknown.json()["detail"]) == (422, "unknown_line", True)
    assert by_api(client_for(charlie, "globex"), line=KEY, text="Hi").json()["code"] == "unknown_line"
    assert by_api(client_for(charlie, "acme"), text="Hi").status_code in (403, 404)


def test_what_is_no_number_is_said_so(client_for: ClientFor, bob: User) -> None:
    assert "This is no phone number" in asked(client_for(bob, "acme"), to="12")
    assert start(client_for(bob, "acme"), to="12", **TEMPLATE).status_code == 422


def test_others_have_neither_line_nor_contact(client_for: ClientFor, acme: Tenant, bob: User, charlie: User) -> None:
    with tenant_context(acme):
        contact = contact_upsert(identities={"wa_id": NUMBER[1:]}, phone=NUMBER)
    outside = client_for(charlie, "globex")
    assert outside.get("/desktop/new", {"contact": str(contact.pk)}).status_code == 404
    assert outside.post("/desktop/start", {"contact": str(contact.pk), "line": KEY, **TEMPLATE}).status_code == 404
    assert start(outside, **TEMPLATE).status_code == 422
    assert client_for(charlie, "acme").get("/desktop/new").status_code in (403, 404)
    assert client_for(None, "acme").get("/desktop/new").status_code == 302
