"""A colleague reacts to what a contact wrote: it leaves like a message and stands at the one that it belongs to."""

import pytest
from django.utils import timezone

from apps.desktop.errors import NotAssignee, UnknownMessage, WindowClosed
from apps.desktop.models import Conversation, Message
from apps.desktop.selectors import messages_of
from apps.desktop.selectors.histories import history_of
from apps.desktop.selectors.outgoing import messages_unanswered
from apps.desktop.services.conversations import conversation_claim
from apps.desktop.services.messages import message_failed, message_react, message_reaction_set, message_status_set
from apps.tenants.models import User
from tests.desktop.factories import RecordingChannel, a_conversation, says

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(in_acme: object, channel: RecordingChannel, bob: User) -> Message:
    """What the contact wrote in a conversation that is bob's."""
    conversation = a_conversation()
    message = says(conversation, "Is it you?")
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    return Message.objects.get(pk=message.pk)


def react(message: Message, user: User, emoji: str) -> Message:
    conversation = Conversation.objects.get(pk=message.conversation_id)
    return message_react(conversation=conversation, message_id=message.pk, user_id=user.pk, emoji=emoji)


def test_it_is_sent_shown_and_taken_back(asked: Message, channel: RecordingChannel, bob: User) -> None:
    message_reaction_set(external_id=str(asked.external_id), who="contact", emoji="😮")
    react(asked, bob, "👍")
    react(asked, bob, "👍")
    react(asked, bob, "❤️")
    asked.refresh_from_db()
    assert asked.reactions == {"contact": "😮", str(bob.pk): "❤️"}
    react(asked, bob, "")
    asked.refresh_from_db()
    assert asked.reactions == {"contact": "😮"}
    sent = [(row.kind, row.payload["emoji"], row.reply_to_id) for row in channel.sent]
    assert sent == [("reaction", emoji, asked.pk) for emoji in ("👍", "❤️", "")]


def test_it_is_no_message_and_no_answer(asked: Message, bob: User) -> None:
    conversation = asked.conversation
    react(asked, bob, "👍")
    assert [row.pk for row in messages_of(conversation)] == [asked.pk]
    assert [row["text"] for row in history_of(conversation)] == ["Is it you?"]
    assert list(messages_unanswered(conversation)) == [asked]
    conversation.refresh_from_db()
    assert conversation.last_message_text == "Is it you?"
    assert conversation.waiting_since is not None


def test_what_did_not_arrive_is_not_shown(asked: Message, channel: RecordingChannel, bob: User) -> None:
    react(asked, bob, "👍")
    message_failed(message_id=channel.sent[-1].pk, code="131047", text="Too late.")
    asked.refresh_from_db()
    assert asked.reactions == {}


def test_late_failure_leaves_the_next_reaction_alone(asked: Message, channel: RecordingChannel, bob: User) -> None:
    react(asked, bob, "👍")
    Message.objects.filter(pk=channel.sent[-1].pk).update(external_id="wamid.reaction", status="sent")
    react(asked, bob, "❤️")
    message_status_set(external_id="wamid.reaction", status="failed", at=timezone.now())
    asked.refresh_from_db()
    assert asked.reactions == {str(bob.pk): "❤️"}


def test_only_the_holder_reacts_and_only_to_the_contact(asked: Message, alice: User, bob: User) -> None:
    with pytest.raises(NotAssignee):
        react(asked, alice, "👍")
    other = says(a_conversation(), "Somebody else")
    conversation = Conversation.objects.get(pk=asked.conversation_id)
    with pytest.raises(UnknownMessage):
        message_react(conversation=conversation, message_id=other.pk, user_id=bob.pk, emoji="👍")


def test_closed_window_keeps_nothing(asked: Message, bob: User) -> None:
    Conversation.objects.filter(pk=asked.conversation_id).update(window_until=timezone.now())
    with pytest.raises(WindowClosed):
        react(asked, bob, "👍")
    asked.refresh_from_db()
    assert asked.reactions == {}
    assert not Message.objects.filter(kind="reaction").exists()
