"""Two contacts turn out to be one person: what becomes of their conversations, whoever holds them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.utils import timezone

from apps.compass.models import WebhookEvent
from apps.compass.services.webhooks import endpoint_create
from apps.core.errors import TransientError
from apps.core.models import InboundEvent
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.services.contacts import contact_merge, contact_update
from apps.desktop.services.conversations import conversation_claim
from apps.tenants.models import User
from apps.whatsapp.models import Sending, Turn
from tests.whatsapp.meta import changed, deliver, fresh, said, work, written_by

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("graph")]
OLD, NEW = "4915100000001", "4915100000002"


def now(seconds: int = 0) -> float:
    return timezone.now().timestamp() - 300 + seconds


def both(*, first: int = 0, second: int = 20) -> tuple[Conversation, Conversation]:
    """Somebody writes from the old number, and from the new one before the change is told."""
    deliver(said("From the old number", wamid="wamid.old", wa_id=OLD, at=now(first)))
    deliver(said("From the new number", wamid="wamid.new", wa_id=NEW, at=now(second)))
    work()
    return Conversation.objects.get(contact__phone=f"+{OLD}"), Conversation.objects.get(contact__phone=f"+{NEW}")


def change() -> None:
    deliver(changed(now(10), wa_id=(OLD, NEW)))
    work()


def test_the_new_numbers_conversation_becomes_part_of_the_old_ones(team_number: Any) -> None:
    kept, gone = both()
    change()
    conversation = Conversation.objects.get()
    assert (conversation.pk, conversation.unread, conversation.contact.phone) == (kept.pk, 2, f"+{NEW}")
    assert set(conversation.messages.values_list("text", flat=True)) == {"From the old number", "From the new number"}
    assert conversation.last_message_text == "From the new number"
    assert not Contact.objects.filter(phone=f"+{OLD}").exists()
    assert gone.pk not in set(Conversation.objects.values_list("pk", flat=True))


def test_programs_are_told_which_conversation_is_left(team_number: Any) -> None:
    endpoint_create(url="https://93.184.215.14/hook", events=["conversation.joined"])
    kept, gone = both()
    change()
    told = WebhookEvent.objects.get()
    assert (told.type, told.data["conversation_id"], told.data["joined_id"]) == (
        "conversation.joined",
        str(kept.pk),
        str(gone.pk),
    )


def test_whoever_holds_the_later_one_keeps_it(team_number: Any, bob: User) -> None:
    _, gone = both()
    conversation_claim(conversation_id=gone.pk, user_id=bob.pk)
    change()
    conversation = Conversation.objects.get()
    assert (conversation.pk, conversation.assignee_id, conversation.messages.count()) == (gone.pk, bob.pk, 2)
    assert conversation.contact == Contact.objects.get()


def test_the_agent_answers_both_in_one_turn(number: Any, herald: Any) -> None:
    kept, _ = both()
    change()
    turn = Turn.objects.get(state="collecting")
    assert turn.conversation_id == kept.pk
    assert turn.message_ids == [str(pk) for pk in Message.objects.order_by("at").values_list("pk", flat=True)]
    assert set(Turn.objects.exclude(pk=turn.pk).values_list("state", "conversation_id")) <= {("stale", kept.pk)}


def test_an_agent_is_not_asked_about_what_was_deleted(number: Any) -> None:
    deliver(said("My password is 1234", wamid="wamid.oops", at=now()))
    work()
    deliver(fresh("revoke", at=now(5), revoke={"original_message_id": "wamid.oops"}))
    work()
    assert Turn.objects.get().state == "stale"
    assert Message.objects.get().text == ""


def test_whoever_had_the_number_before_stays_somebody_else(team_number: Any) -> None:
    kept, other = both(second=5)
    change()
    assert Contact.objects.count() == 2
    other.refresh_from_db()
    assert [message.text for message in other.messages.all()] == ["From the new number"]
    assert not other.contact.identities.exists()
    deliver(said("It is me", wa_id=NEW, at=now(30)))
    work()
    assert Message.objects.get(text="It is me").conversation_id == kept.pk


def test_what_was_kept_of_both_is_kept(team_number: Any) -> None:
    first, second = both()
    contact_update(contact=first.contact, user_id=None, name="Ann", email="ann@example.com", fields={"No.": "1"}, tags=["vip"])
    contact_update(contact=second.contact, user_id=None, name="Ann L.", fields={"No.": "2", "Size": "S"}, tags=["late", "vip"])
    change()
    contact = Contact.objects.get()
    assert (contact.name, contact.email, contact.tags) == ("Ann", "ann@example.com", ["vip", "late"])
    assert contact.fields == {"No.": "1", "No. (2)": "2", "Size": "S", "Other name": "Ann L."}
    entry = LogEntry.objects.get_for_object(contact).get()
    assert entry.changes_dict["merged name"] == ["Ann L.", "Ann"]
    assert entry.changes_dict["merged id"] == [str(second.contact_id), str(contact.pk)]


def test_it_waits_for_a_message_that_is_on_its_way(team_number: Any) -> None:
    _, gone = both()
    message = gone.messages.get()
    slot = Sending.objects.create(conversation_id=gone.pk, message_id=message.pk, started_at=timezone.now())
    change()
    event = InboundEvent.objects.latest("created_at")
    assert (event.state, Contact.objects.count()) == ("pending", 2)
    assert event.note == "A message of this conversation is on its way."
    slot.delete()
    InboundEvent.objects.filter(pk=event.pk).update(available_at=timezone.now() - timedelta(seconds=1))
    work()
    assert Contact.objects.count() == 1


def test_the_address_of_the_joined_conversation_leads_on(
    team_number: Any, client_for: Callable[..., Client], bob: User, charlie: User, globex: Any
) -> None:
    at_acme, outside = client_for(bob, "acme"), client_for(charlie, "globex")
    kept, gone = both()
    change()
    answer = at_acme.get(f"/desktop/{gone.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, f"/desktop/{kept.pk}/")
    part = at_acme.get(f"/desktop/{gone.pk}/", headers={"HX-Request": "true"})
    assert part["HX-Redirect"] == f"/desktop/{kept.pk}/"
    assert outside.get(f"/desktop/{gone.pk}/").status_code == 404
    assert "became one" in at_acme.get(f"/desktop/{kept.pk}/").content.decode()


def test_a_change_tells_the_new_user_id_too(team_number: Any) -> None:
    deliver(written_by(said("Before", at=now()), OLD, "DE.1"), written_by(said("After", at=now(20)), NEW, "DE.2"))
    work()
    deliver(changed(now(10), wa_id=(OLD, NEW), user_id=("DE.1", "DE.2")))
    work()
    assert dict(Contact.objects.get().identities.values_list("kind", "value")) == {"wa_id": NEW, "wa_user_id": "DE.2"}


def by_number(conversation: Conversation) -> str:
    """Of whom nothing but the number is known; the number."""
    conversation.contact.identities.exclude(kind="wa_id").delete()
    return conversation.contact.identities.get().value


def test_a_number_that_meta_writes_otherwise_is_the_same_contacts(held: Conversation, write: Any, graph: Any) -> None:
    graph.written[by_number(held)] = "5511912345678"
    write("Hello?")
    work()
    deliver(said("It is me", wa_id="5511912345678"))
    work()
    assert Message.objects.get(text="It is me").conversation_id == held.pk
    assert Contact.objects.get() == held.contact


def test_whom_meta_takes_for_one_is_one(held: Conversation, write: Any, graph: Any) -> None:
    deliver(said("From the other number", wamid="wamid.other", wa_id=NEW))
    work()
    graph.written[by_number(held)] = NEW
    write("Hello?")
    work()
    assert Contact.objects.get() == held.contact
    assert Message.objects.get(text="From the other number").conversation == Conversation.objects.get()


def test_what_is_merged_already_is_not_merged_again(team_number: Any) -> None:
    first, second = both()
    kept = contact_merge(contact=second.contact, other=first.contact)
    assert kept == first.contact and Contact.objects.get() == kept
    with pytest.raises(TransientError):
        contact_merge(contact=first.contact, other=second.contact)
