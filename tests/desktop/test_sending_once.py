"""A reply whose answer was lost on the way is sent again, and arrives once."""

import pytest

from apps.core.ids import uuid7
from apps.desktop.errors import NotAssignee, RequestReused
from apps.desktop.models import Conversation, Message
from apps.desktop.services.conversations import conversation_claim, conversation_resolve
from apps.desktop.services.messages import message_send, note_add, request_part
from apps.tenants.models import User
from tests.desktop.factories import RecordingChannel, a_conversation, says


@pytest.fixture
def held(desk: RecordingChannel, bob: User) -> Conversation:
    conversation = a_conversation()
    says(conversation, "Is anybody there?")
    return conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)


def test_the_same_request_is_answered_with_the_message_it_sent(held: Conversation, desk: RecordingChannel, bob: User) -> None:
    request_id = uuid7()
    sent, again = (
        message_send(conversation=held, author="person", user_id=bob.pk, text="Yes", request_id=request_id) for _ in range(2)
    )
    assert sent.pk == again.pk and len(desk.sent) == 1
    other = message_send(conversation=held, author="person", user_id=bob.pk, text="Yes", request_id=uuid7())
    assert other.pk != sent.pk and len(desk.sent) == 2


def test_it_is_known_even_after_the_conversation_was_resolved(held: Conversation, desk: RecordingChannel, bob: User) -> None:
    request_id = uuid7()
    sent = message_send(conversation=held, author="person", user_id=bob.pk, text="Bye", request_id=request_id)
    conversation_resolve(conversation_id=held.pk, user_id=bob.pk)
    again = message_send(conversation=held, author="person", user_id=bob.pk, text="Bye", request_id=request_id)
    assert again.pk == sent.pk


def test_other_words_under_the_same_name_are_refused(held: Conversation, desk: RecordingChannel, bob: User) -> None:
    request_id = uuid7()
    message_send(conversation=held, author="person", user_id=bob.pk, text="Yes", request_id=request_id)
    with pytest.raises(RequestReused):
        message_send(conversation=held, author="person", user_id=bob.pk, text="No", request_id=request_id)
    assert [message.text for message in desk.sent] == ["Yes"]


def test_a_colleague_learns_nothing_by_somebody_elses_name(
    held: Conversation, desk: RecordingChannel, alice: User, bob: User
) -> None:
    request_id = uuid7()
    message_send(conversation=held, author="person", user_id=bob.pk, text="Yes", request_id=request_id)
    with pytest.raises(NotAssignee):
        message_send(conversation=held, author="person", user_id=alice.pk, text="Yes", request_id=request_id)


def test_the_same_name_in_another_conversation_is_another_message(held: Conversation, desk: RecordingChannel, bob: User) -> None:
    other = a_conversation()
    says(other)
    conversation_claim(conversation_id=other.pk, user_id=bob.pk)
    other.refresh_from_db()
    request_id = uuid7()
    for conversation in (held, other):
        message_send(conversation=conversation, author="person", user_id=bob.pk, text="Yes", request_id=request_id)
    assert len(desk.sent) == 2


def test_notes_are_added_once(held: Conversation, bob: User) -> None:
    request_id = uuid7()
    first, again = (note_add(conversation_id=held.pk, user_id=bob.pk, text="Kind", request_id=request_id) for _ in range(2))
    assert first.pk == again.pk and Message.objects.filter(private=True).count() == 1


def test_each_part_of_a_request_has_a_name_of_its_own_that_stays() -> None:
    request_id = uuid7()
    parts = [request_part(request_id, place) for place in range(3)]
    assert parts[0] == request_id and len(set(parts)) == 3
    assert parts == [request_part(request_id, place) for place in range(3)]
    assert request_part(None, 1) is None
