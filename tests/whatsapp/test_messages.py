"""Each recorded message, as Meta sends it: what becomes of it at the desktop."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import TestCase
from django.utils import timezone

from apps.core.models import InboundEvent, OutboundEffect
from apps.desktop.models import Contact, ContactIdentity, Conversation, Message
from apps.whatsapp.models import Turn
from tests.whatsapp.meta import USER_ID, WA_ID, Graph, deliver, fresh, recorded, said, work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("graph")]
NOW = datetime(2025, 6, 8, 21, 0, tzinfo=UTC)  # minutes after the recorded messages


@pytest.fixture(autouse=True)
def _then(team_number: Any) -> Any:
    """The number is answered by the team, so nothing but the message itself happens."""
    with time_machine.travel(NOW, tick=False):
        yield


def arrive(name: str) -> Message:
    deliver(recorded(name))
    work()
    (row,) = InboundEvent.objects.all()
    assert (row.state, row.note, row.schema_name) == ("done", "", "acme")
    message: Message = Message.objects.get()
    assert (message.author, message.status, message.private) == ("contact", "received", False)
    return message


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("text", "text", "Does it come in another color?"),
        ("text_username_only", "text", "Hola, ¿están abiertos?"),
        ("text_reply", "text", "This one, please."),
        ("text_forwarded", "text", "Look at this"),
        ("text_referral", "text", "Hi, I saw your ad."),
        ("text_product_question", "text", "Is this still available?"),
        ("image", "image", "The damaged box"),
        ("voice", "audio", ""),
        ("audio", "audio", ""),
        ("video", "video", "See how it rattles"),
        ("document", "document", "Our order"),
        ("sticker", "sticker", ""),
        ("location", "location", "Solomon R. Guggenheim Museum, 1071 5th Ave, New York, NY 10128"),
        ("location_bare", "location", "37.4421, -122.1615"),
        ("contacts", "contacts", "Barbara J. Johnson, Fred Otieno"),
        ("interactive_button_reply", "interactive", "Cancel"),
        ("interactive_list_reply", "interactive", "Priority Mail Express"),
        ("interactive_flow_reply", "interactive", "Sent"),
        ("button", "button", "Unsubscribe"),
        ("order", "order", "Love these!\n2 × di9ozbzfi4\n1 × nqryix03ez"),
        ("unsupported", "unsupported", ""),
        ("unknown_type", "hologram", "beam"),
        ("request_welcome", "request_welcome", ""),
    ],
)
def test_every_type_becomes_a_message(name: str, kind: str, text: str) -> None:
    message = arrive(name)
    assert (message.kind, message.text) == (kind, text)
    assert timedelta(0) <= NOW - message.at < timedelta(minutes=5)
    assert message.external_id and message.external_id.startswith("wamid.")
    conversation = message.conversation
    assert (conversation.channel, conversation.line, conversation.status) == ("whatsapp", "106540352242922", "open")
    assert conversation.unread == 1
    assert conversation.window_until == message.at + timedelta(hours=24)


def test_text_has_no_payload() -> None:
    assert arrive("text").payload == {}


def test_the_contact_is_known_by_both_ids() -> None:
    contact = arrive("text").conversation.contact
    assert (contact.name, contact.phone) == ("Sheena Nelson", "+16505551234")
    assert dict(contact.identities.values_list("kind", "value")) == {"wa_id": WA_ID, "wa_user_id": USER_ID}


def test_a_contact_without_a_number_is_known_by_user_id() -> None:
    contact = arrive("text_username_only").conversation.contact
    assert (contact.name, contact.phone) == ("Pablo M.", "")
    assert dict(contact.identities.values_list("kind", "value")) == {"wa_user_id": "CO.20871655302741918134"}


def test_forwarded_is_kept() -> None:
    assert arrive("text_forwarded").payload["context"] == {"forwarded": True, "frequently_forwarded": True}


def test_referral_is_kept() -> None:
    assert arrive("text_referral").payload["referral"]["headline"] == "Our new succulents are here!"


def test_the_product_asked_about_is_kept() -> None:
    assert arrive("text_product_question").payload["context"]["referred_product"]["product_retailer_id"] == "di9ozbzfi4"


@pytest.mark.parametrize(
    ("name", "mime", "filename"),
    [
        ("image", "image/jpeg", ""),
        ("voice", "audio/ogg; codecs=opus", ""),
        ("video", "video/mp4", ""),
        ("document", "application/pdf", "order_2025.pdf"),
        ("sticker", "image/webp", ""),
    ],
)
def test_media_wait_for_their_file(name: str, mime: str, filename: str) -> None:
    deliver(recorded(name))
    work()
    attachment = Message.objects.get().attachments.get()
    assert (attachment.mime, attachment.name) == (mime, filename)
    assert OutboundEffect.objects.get().key == f"whatsapp.media:{attachment.pk}"


def test_voice_notes_say_that_they_are_one() -> None:
    assert arrive("voice").payload == {"voice": True}


def test_location_is_kept_whole() -> None:
    assert arrive("location").payload["latitude"] == 40.782910059774


def test_contacts_are_kept_whole() -> None:
    assert arrive("contacts").payload["contacts"][0]["phones"][0]["wa_id"] == "14155550829"


def test_a_choice_keeps_its_id() -> None:
    assert arrive("interactive_list_reply").payload["list_reply"]["id"] == "priority_express"


def test_unsupported_says_why() -> None:
    assert arrive("unsupported").payload["errors"][0]["code"] == 131051


def test_an_unknown_type_keeps_its_content() -> None:
    assert arrive("unknown_type").payload["content"] == {"id": "77", "body": "beam"}


@pytest.mark.parametrize("in_order", [True, False])
def test_a_reply_points_to_its_message(in_order: bool) -> None:
    first = said("Which one?", wamid="wamid.first")
    answer = fresh("text_reply", context={"from": "15550783881", "id": "wamid.first"})
    for payload in (first, answer) if in_order else (answer, first):
        deliver(payload)
        work()
    assert Message.objects.get(text="This one, please.").reply_to == Message.objects.get(external_id="wamid.first")


def test_reactions_are_set_replaced_and_removed() -> None:
    def emoji() -> Any:
        return Message.objects.get().reactions

    for name in ("text", "reaction"):
        deliver(recorded(name))
        work()
    assert emoji() == {"contact": "👍"}
    deliver(recorded("reaction_removed"))
    work()
    assert emoji() == {}
    late = fresh("reaction", at=NOW.timestamp() - 3600)
    deliver(late)
    work()
    assert emoji() == {}
    assert InboundEvent.objects.latest("id").note == "A later reaction to this message is known already."


def test_a_reaction_waits_for_its_message() -> None:
    deliver(recorded("reaction"))
    work()
    assert InboundEvent.objects.get().state == "pending"
    for seconds in (5, 15):  # the reaction may be tried once more before its message is there
        with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
            deliver(recorded("text"))
            work()
    assert Message.objects.get().reactions == {"contact": "👍"}


def test_a_reaction_to_something_older_is_given_up() -> None:
    deliver(recorded("reaction"))
    for minute in range(1, 10):
        with time_machine.travel(NOW + timedelta(minutes=minute), tick=False):
            work()
    assert InboundEvent.objects.get().state == "ignored"
    assert not Message.objects.exists()


def test_a_new_number_is_the_same_contact() -> None:
    deliver(recorded("text"))
    work()
    deliver(recorded("system_number_changed"))
    work()
    assert ContactIdentity.objects.filter(kind="wa_id").values_list("value", flat=True).get() == "12195555358"
    deliver(fresh("text", wa_id="12195555358"))
    work()
    assert Contact.objects.count() == Conversation.objects.count() == 1
    assert Message.objects.count() == 2


def test_a_new_user_id_is_the_same_contact() -> None:
    deliver(recorded("text"))
    work()
    deliver(recorded("system_user_id_changed"))
    work()
    assert ContactIdentity.objects.get(kind="wa_user_id").value == "US.99991208655302741918"


def test_a_change_that_overtakes_the_first_message_is_kept_for_it() -> None:
    deliver(recorded("system_number_changed"))
    work()
    assert InboundEvent.objects.get().state == "done" and not Contact.objects.exists()
    deliver(recorded("text"))
    work()
    assert ContactIdentity.objects.filter(kind="wa_id").values_list("value", flat=True).get() == "12195555358"
    deliver(fresh("text", wa_id="12195555358"))
    work()
    assert Contact.objects.count() == Conversation.objects.count() == 1
    assert Contact.objects.get().phone == "+12195555358"


def test_another_certificate_of_the_same_person_changes_nothing() -> None:
    deliver(recorded("system_identity_changed"))
    work()
    assert InboundEvent.objects.get().note == "A system message customer_identity_changed changes nothing here."


def test_an_edit_shows_what_the_message_says_now() -> None:
    deliver(recorded("text"), recorded("edit"))
    work()
    message = Message.objects.get()
    assert message.text == "Does it come in another colour?"
    assert message.payload["edited"]["original"] == "Does it come in another color?"
    assert Conversation.objects.get().last_message_text == message.text


def test_a_deleted_message_is_gone_here_too(graph: Graph) -> None:
    graph.media["1003383421387256"] = (b"an image", "image/jpeg")
    deliver(fresh("image", wamid="wamid.image"))
    work()
    file = Message.objects.get().attachments.get().file
    assert file.storage.exists(file.name)
    with TestCase.captureOnCommitCallbacks(execute=True):
        deliver(fresh("revoke", revoke={"original_message_id": "wamid.image"}))
        work()
    message = Message.objects.get()
    assert (message.kind, message.text, message.attachments.count()) == ("revoked", "", 0)
    assert not file.storage.exists(file.name)
    assert "image" not in Conversation.objects.get().last_message_text


def test_an_error_of_the_number_is_noted() -> None:
    deliver(recorded("error"))
    work()
    assert InboundEvent.objects.get().note == "Meta reports an error of the number: Rate limit hit (130429)."


def test_a_message_of_a_switched_off_number_is_kept_in_the_inbox(team_number: Any) -> None:
    team_number.enabled = False
    team_number.save()
    deliver(recorded("text"))
    work()
    assert InboundEvent.objects.get().note.startswith("This number is switched off")
    assert not Message.objects.exists()


def test_messages_of_a_team_number_make_no_turn() -> None:
    deliver(said("Hello"))
    work()
    assert not Turn.objects.exists()
    assert Conversation.objects.get().team.slug == "support"


def test_a_message_from_the_future_is_of_now() -> None:
    deliver(fresh("text", at=NOW.timestamp() + 86_400))
    work()
    assert Message.objects.get().at == timezone.now()
