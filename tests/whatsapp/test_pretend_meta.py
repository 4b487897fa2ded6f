"""Both sides together: the pretend Meta checks every body as Meta does, and delivers to the real webhook."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from apps.desktop.channels import channel_for
from apps.desktop.models import Attachment, Conversation, Message
from apps.desktop.services.conversations import conversation_claim
from apps.desktop.services.messages import attachment_upload, message_send
from apps.desktop.services.team import team_create, team_members_set
from apps.whatsapp.services.catalogue import templates_sync
from apps.whatsapp.services.numbers import mapping_set
from tests.embedded.waiting import wait_until
from tests.standins.meta import ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN, Meta
from tests.whatsapp.meta import work

pytestmark = pytest.mark.django_db(transaction=True)
LINE, WABA = "1000000001", "2000000001"


@pytest.fixture
def meta(live_server: Any, meta_settings: Any) -> Iterator[Meta]:
    """The pretend Meta, connected to this product by webhook and Graph address."""
    meta_settings.WHATSAPP_APP_SECRET, meta_settings.WHATSAPP_VERIFY_TOKEN = APP_SECRET, VERIFY_TOKEN
    meta_settings.WHATSAPP_ACCESS_TOKEN = ACCESS_TOKEN
    with Meta(f"{live_server.url}/meta/webhook") as meta:
        meta_settings.WHATSAPP_GRAPH_URL = meta.graph_url
        wait_until(lambda: meta.ask("GET", "/state")["connected"])
        yield meta


@pytest.fixture
def held(meta: Meta, in_acme: Any, bob: Any) -> Conversation:
    """Ann has written to acme's number, and Bob holds the conversation."""
    team_members_set(team=team_create(slug="support", name="Support"), user_ids=[bob.pk])
    templates_sync(mapping_set(phone_number_id=LINE, team="support", waba_id=WABA))
    meta.write("ann", "Hello")
    settled(lambda: Message.objects.count() == 1)
    return conversation_claim(conversation_id=Conversation.objects.get().pk, user_id=bob.pk)


def settled(condition: Any) -> None:
    """Works the mailboxes until the condition holds."""

    def look() -> bool:
        work()
        return bool(condition())

    wait_until(look)


def send(held: Conversation, bob: Any, text: str = "", **more: Any) -> Message:
    return message_send(conversation=held, author="person", user_id=bob.pk, text=text, **more)


def test_every_kind_is_taken_without_a_problem(held: Conversation, meta: Meta, bob: Any) -> None:
    theirs = Message.objects.get()
    send(held, bob, "Hello Ann", reply_to_id=theirs.pk)
    send(held, bob, kind="reaction", payload={"emoji": "👍"}, reply_to_id=theirs.pk)
    buttons = {"type": "button", "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]}}
    send(held, bob, "Shall we?", kind="interactive", payload={"interactive": buttons})
    rows = [{"id": "a", "title": "A"}]
    listed = {"type": "list", "action": {"button": "Choose", "sections": [{"title": "All", "rows": rows}]}}
    send(held, bob, "Which?", kind="interactive", payload={"interactive": listed})
    send(held, bob, kind="location", payload={"latitude": 52.5, "longitude": 13.4, "name": "Office"})
    for mime, name in (("image/png", "a.png"), ("application/pdf", "a.pdf"), ("audio/ogg", "a.ogg"), ("image/webp", "a.webp")):
        file = ContentFile(b"\x89PNG\r\n\x1a\n" + bytes(64))
        send(held, bob, attachment_ids=[attachment_upload(user_id=bob.pk, file=file, name=name, mime=mime).pk])
    choices = channel_for("whatsapp").templates(held)
    assert choices
    for choice in choices:
        values = dict.fromkeys(choice.variables, "value")
        payload = {"name": choice.name, "language": choice.language, "variables": values}
        image = ContentFile(b"\x89PNG\r\n\x1a\n" + bytes(64))
        files = [attachment_upload(user_id=bob.pk, file=image, name="a.png", mime="image/png").pk] if choice.heading else []
        send(held, bob, choice.body, kind="template", payload=payload, attachment_ids=files)
    channel_for("whatsapp").read(held)
    ours = Message.objects.exclude(author="contact").exclude(kind="reaction")
    settled(lambda: set(ours.values_list("status", flat=True)) <= {"delivered", "read"})
    assert meta.log["problems"] == []


def test_files_of_a_contact_are_fetched(held: Conversation, meta: Meta) -> None:
    content = b"%PDF-1.7 " + bytes(1000)
    medium = meta.ask("POST", "/media", content=content, headers={"Content-Type": "application/pdf"})
    meta.write("ann", type="document", document={"id": medium["id"], "filename": "terms.pdf"}, phone_number_id=LINE)
    settled(lambda: Attachment.objects.filter(state="stored").exists())
    assert Attachment.objects.get().file.read() == content


def test_an_answer_that_broke_off_is_settled_by_the_status(held: Conversation, meta: Meta, bob: Any) -> None:
    meta.faults(cut=1)
    message = send(held, bob, "Did this arrive?")
    settled(lambda: Message.objects.get(pk=message.pk).status in ("delivered", "read"))
    message.refresh_from_db()
    assert message.external_id
    assert sum(1 for row in meta.chat("ann", LINE)["messages"] if "Did this arrive?" in str(row)) == 1


def test_doubled_and_overtaking_deliveries_change_nothing(held: Conversation, meta: Meta, bob: Any) -> None:
    meta.faults(duplicate=True, reorder=True, lose=2)
    for n in range(5):
        meta.write("ann", f"Message {n}")
        send(held, bob, f"Answer {n}")
    ours = Message.objects.filter(author="person")
    settled(lambda: set(ours.values_list("status", flat=True)) <= {"delivered", "read"})
    settled(lambda: Message.objects.filter(author="contact").count() == 6)


def test_a_late_failure_is_told(held: Conversation, meta: Meta, bob: Any) -> None:
    meta.faults(status_fail={"code": 131047, "count": 1})
    message = send(held, bob, "Hello?")
    settled(lambda: Message.objects.get(pk=message.pk).status == "failed")
    message.refresh_from_db()
    assert message.error_code == "131047"


def test_the_company_answers_edits_and_deletes_in_its_app(held: Conversation, meta: Meta) -> None:
    earlier = timezone.now() - timedelta(minutes=1)  # in the same second it would be no answer
    Message.objects.update(at=earlier)
    Conversation.objects.update(waiting_since=earlier)
    meta.ask("POST", "/contacts/ann/echoes", json={"text": "We are open."})
    settled(lambda: Message.objects.filter(author="person", user_id=None, text="We are open.").exists())
    meta.ask("POST", "/contacts/ann/echoes", json={"text": "We are open until six.", "rewrite": True})
    settled(lambda: Message.objects.filter(text="We are open until six.").exists())
    meta.ask("POST", "/contacts/ann/echoes", json={"rewrite": True})
    settled(lambda: Message.objects.filter(author="person", kind="revoked").exists())
    held.refresh_from_db()
    assert (Conversation.objects.count(), held.waiting_since) == (1, None)


def test_typing_and_a_changed_number(held: Conversation, meta: Meta) -> None:
    meta.ask("POST", "/contacts/ann/number", json={"wa_id": "15550109999"})
    settled(lambda: held.contact.identities.filter(value="15550109999").exists())
    meta.write("ann", "From my new number")
    settled(lambda: Message.objects.filter(text="From my new number").exists())
    assert Conversation.objects.count() == 1
