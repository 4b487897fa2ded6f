"""What comes in and goes out, and what each leaves on the conversation."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from apps.core.ids import uuid7
from apps.desktop.errors import (
    BadFile,
    ConversationResolved,
    EmptyMessage,
    NotAssignee,
    NotColleague,
    StaleGeneration,
    UnknownAttachment,
    UnknownMessage,
    WindowClosed,
)
from apps.desktop.models import Attachment, Conversation, Message
from apps.desktop.selectors import history_of, messages_of
from apps.desktop.services.conversations import conversation_claim, conversation_resolve, conversation_snooze
from apps.desktop.services.messages import (
    attachment_failed,
    attachment_refused,
    attachment_stored,
    attachment_transcribed,
    attachment_upload,
    message_failed,
    message_reaction_set,
    message_receive,
    message_send,
    message_sent,
    message_status_set,
    message_uncertain,
    note_add,
)
from apps.desktop.services.messages.preview import preview_renew
from apps.tenants.models import User
from tests.desktop.factories import RecordingChannel, a_conversation, says

HOUR = timedelta(hours=1)


def held_by(user: User) -> Conversation:
    conversation = a_conversation()
    says(conversation, "Is anybody there?")
    return conversation_claim(conversation_id=conversation.pk, user_id=user.pk)


def test_a_message_opens_the_window_and_waits(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    at = timezone.now() - HOUR
    message = says(conversation, "Hello\nthere", at=at)
    assert (conversation.unread, conversation.waiting_since, conversation.last_message_text) == (1, at, "Hello there")
    assert conversation.window_until == at + timedelta(hours=24)
    assert (message.status, message.author) == ("received", "contact")


def test_the_last_five_texts_tell_how_a_contact_feels(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    for text in ("My parcel is in Leeds.", "Yes.", "It is late and nobody helps me, please!"):
        says(conversation, text)
    assert conversation.sentiment is None
    says(conversation, "This is terrible, I hate waiting!")
    assert conversation.sentiment < -0.3
    for _ in range(5):
        says(conversation, "Great, thank you so much!")
    assert conversation.sentiment > 0.3


def test_the_same_message_again_changes_nothing(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    says(conversation, external_id="wamid.same")
    version = conversation.version
    again = message_receive(
        conversation=conversation, external_id="wamid.same", kind="text", text="x", payload={}, at=timezone.now()
    )
    conversation.refresh_from_db()
    assert again is None and conversation.version == version and conversation.messages.count() == 1


def test_a_clock_that_is_ahead_opens_the_window_no_longer(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    says(conversation, at=timezone.now() + timedelta(days=30))
    assert conversation.window_until <= timezone.now() + timedelta(hours=24)


def test_files_and_replied_messages_come_along(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    first = says(conversation, external_id="wamid.first")
    part = {"external_id": "media-1", "mime": "image/jpeg", "name": "cat.jpg", "size": 10}
    second = says(conversation, "", kind="image", reply_to="wamid.first", attachments=[part])
    assert second.reply_to == first
    assert second.attachments.get().state == "pending"
    assert conversation.last_message_text == "[image]"


def test_a_list_shows_what_the_contact_wants_and_not_what_meridian_says_by_itself(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    says(conversation, "My lamp is broken")
    last = says(conversation, "It is the blue one")
    message_send(conversation=conversation, author=Message.Author.SYSTEM, text="A colleague will answer you here.")
    conversation.refresh_from_db()
    assert conversation.last_message_text == "It is the blue one"
    last.delete()
    preview_renew(conversation)
    assert conversation.last_message_text == "My lamp is broken"
    conversation.messages.exclude(author=Message.Author.SYSTEM).delete()
    preview_renew(conversation)
    assert conversation.last_message_text == "A colleague will answer you here."


def test_a_snoozed_conversation_wakes_when_the_contact_writes(desk: RecordingChannel, bob: User) -> None:
    conversation = held_by(bob)
    conversation_snooze(conversation_id=conversation.pk, user_id=bob.pk, until=timezone.now() + HOUR)
    says(conversation)
    assert (conversation.status, conversation.snoozed_until, conversation.assignee_id) == ("open", None, bob.pk)


def test_only_the_holder_replies(desk: RecordingChannel, alice: User, bob: User) -> None:
    conversation = held_by(bob)
    with pytest.raises(NotAssignee, match="Claim this conversation first"):
        message_send(conversation=conversation, author="person", user_id=alice.pk, text="Me!")
    sent = message_send(conversation=conversation, author="person", user_id=bob.pk, text="Here I am.")
    assert desk.sent == [sent] and sent.status == "pending"
    assert (conversation.unread, conversation.waiting_since, conversation.claim_until) == (0, None, None)


def test_what_the_ai_says_after_a_claim_is_stale(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    says(conversation)
    generation = conversation.generation
    message_send(conversation=conversation, author="ai", text="One moment.", generation=generation)
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    with pytest.raises(StaleGeneration):
        message_send(conversation=conversation, author="ai", text="Too late.", generation=generation)
    assert [message.text for message in desk.sent] == ["One moment."]


def test_outside_the_window_nothing_is_kept_but_templates_go(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    says(conversation, at=timezone.now() - timedelta(hours=25))
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    version = Conversation.objects.get(pk=conversation.pk).version
    with pytest.raises(WindowClosed, match="Choose a template"):
        message_send(conversation=conversation, author="person", user_id=bob.pk, text="Hello?")
    assert Conversation.objects.get(pk=conversation.pk).version == version
    assert not Message.objects.filter(author="person").exists()
    message_send(conversation=conversation, author="person", user_id=bob.pk, kind="template", payload={"name": "hello"})
    assert len(desk.sent) == 1


def test_meridians_own_words_leave_the_contact_waiting(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    says(conversation)
    message_send(conversation=conversation, author="system", text="A person will answer.")
    assert conversation.waiting_since is not None


def test_what_cannot_be_sent(desk: RecordingChannel, bob: User) -> None:
    conversation = held_by(bob)
    with pytest.raises(EmptyMessage):
        message_send(conversation=conversation, author="person", user_id=bob.pk, text="  ")
    with pytest.raises(UnknownMessage):
        message_send(conversation=conversation, author="person", user_id=bob.pk, text="x", reply_to_id=uuid7())
    conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk, outcome="")
    with pytest.raises(ConversationResolved):
        message_send(conversation=conversation, author="person", user_id=bob.pk, text="x")


def test_a_reply_names_the_message_it_answers(desk: RecordingChannel, bob: User) -> None:
    conversation = held_by(bob)
    asked = conversation.messages.get()
    sent = message_send(conversation=conversation, author="person", user_id=bob.pk, text="Yes", reply_to_id=asked.pk)
    assert sent.reply_to == asked


def test_an_upload_is_sent_once_and_by_its_owner(desk: RecordingChannel, alice: User, bob: User) -> None:
    conversation = held_by(bob)
    mine = attachment_upload(user_id=bob.pk, file=ContentFile(b"x" * 10), name="a/../b.pdf", mime="Application/PDF; q=1")
    hers = attachment_upload(user_id=alice.pk, file=ContentFile(b"y"), name="c.txt", mime="nonsense")
    assert (mine.name, mine.mime, mine.size, hers.mime) == ("b.pdf", "application/pdf", 10, "application/octet-stream")
    assert mine.file.name.endswith(f"{mine.pk}.pdf") and "/acme/" in mine.file.path
    with pytest.raises(UnknownAttachment):
        message_send(conversation=conversation, author="person", user_id=bob.pk, kind="document", attachment_ids=[hers.pk])
    sent = message_send(conversation=conversation, author="person", user_id=bob.pk, kind="document", attachment_ids=[mine.pk])
    assert sent.attachments.get() == mine
    with pytest.raises(UnknownAttachment):
        message_send(conversation=conversation, author="person", user_id=bob.pk, kind="document", attachment_ids=[mine.pk])


def test_uploads_that_are_refused(desk: RecordingChannel, bob: User, charlie: User) -> None:
    with pytest.raises(BadFile, match="empty"):
        attachment_upload(user_id=bob.pk, file=ContentFile(b""), name="a", mime="text/plain")
    big = ContentFile(b"x")
    big.size = 101 * 1024 * 1024
    with pytest.raises(BadFile, match="over 100 MB"):
        attachment_upload(user_id=bob.pk, file=big, name="a", mime="text/plain")
    with pytest.raises(NotColleague):
        attachment_upload(user_id=charlie.pk, file=ContentFile(b"x"), name="a", mime="text/plain")


def test_what_becomes_of_a_channels_file(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    parts = [{"external_id": f"media-{number}", "mime": "audio/ogg"} for number in range(3)]
    message = says(conversation, "", kind="audio", attachments=parts)
    stored, refused, failed = message.attachments.order_by("external_id")
    attachment_stored(attachment_id=stored.pk, file=ContentFile(b"abc"), mime="audio/ogg; codecs=opus", size=3)
    attachment_transcribed(attachment_id=stored.pk, text="call me back")
    attachment_refused(attachment_id=refused.pk, note="Too large.")
    attachment_failed(attachment_id=failed.pk, note="Meta did not answer.")
    attachment_failed(attachment_id=stored.pk, note="late")
    states = list(Attachment.objects.order_by("external_id").values_list("state", "mime", "note", "transcript"))
    assert states == [
        ("stored", "audio/ogg", "", "call me back"),
        ("refused", "audio/ogg", "Too large.", ""),
        ("failed", "audio/ogg", "Meta did not answer.", ""),
    ]
    assert history_of(conversation)[0]["text"] == "call me back"


def test_notes_are_for_colleagues_only(desk: RecordingChannel, alice: User, charlie: User) -> None:
    conversation = a_conversation()
    note_add(conversation_id=conversation.pk, user_id=alice.pk, text="Be kind.")
    assert desk.sent == [] and history_of(conversation) == []
    assert [message.private for message in messages_of(conversation)] == [True]
    with pytest.raises(NotColleague):
        note_add(conversation_id=conversation.pk, user_id=charlie.pk, text="x")
    with pytest.raises(EmptyMessage):
        note_add(conversation_id=conversation.pk, user_id=alice.pk, text=" ")


def test_what_the_channel_tells_of_a_sent_message(desk: RecordingChannel, bob: User) -> None:
    conversation = held_by(bob)
    message = message_send(conversation=conversation, author="person", user_id=bob.pk, text="Hi")
    message_uncertain(message_id=message.pk, text="No answer came.")
    message_sent(message_id=message.pk, external_id="wamid.out")
    at = timezone.now()
    assert message_status_set(external_id="wamid.out", status="read", at=at)
    assert not message_status_set(external_id="wamid.out", status="delivered", at=at, pricing={"type": "regular"})
    message.refresh_from_db()
    assert message.status == "read"
    assert list(message.statuses.order_by("status").values_list("status", "pricing")) == [
        ("delivered", {"type": "regular"}),
        ("read", None),
    ]
    message_failed(message_id=message.pk, code="131047", text="Too late; choose a template.")
    message.refresh_from_db()
    assert (message.status, message.error_code, message.error_text) == ("failed", "131047", "Too late; choose a template.")
    assert history_of(conversation)[-1]["role"] == "contact"


def test_a_status_of_nothing_known(desk: RecordingChannel) -> None:
    with pytest.raises(UnknownMessage):
        message_status_set(external_id="wamid.unknown", status="sent", at=timezone.now())
    with pytest.raises(UnknownMessage):
        message_sent(message_id=uuid7(), external_id="x")
    with pytest.raises(UnknownMessage):
        message_reaction_set(external_id="wamid.unknown", who="contact", emoji="👍")


def test_reactions_are_set_changed_and_removed(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    says(conversation, external_id="wamid.1")
    for emoji, expected in (("👍", {"contact": "👍"}), ("❤️", {"contact": "❤️"}), ("", {}), ("", {})):
        assert message_reaction_set(external_id="wamid.1", who="contact", emoji=emoji).reactions == expected
    types = list(conversation.events.values_list("type", flat=True))
    assert types.count("reaction") == 3


def test_history_for_a_turn(desk: RecordingChannel, bob: User) -> None:
    conversation = held_by(bob)
    message_send(conversation=conversation, author="person", user_id=bob.pk, text="Bob here.")
    message_send(conversation=conversation, author="system", text="We close at six.")
    assert [(row["role"], row["text"]) for row in history_of(conversation)] == [
        ("contact", "Is anybody there?"),
        ("person", "Bob here."),
        ("agent", "We close at six."),
    ]
    assert history_of(conversation)[0]["at"].endswith("Z")


def test_older_messages_page_by_page(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    at = timezone.now() - HOUR
    for number in range(7):
        says(conversation, f"{number}", at=at + timedelta(seconds=number // 2))
    page = messages_of(conversation, limit=3)
    older = messages_of(conversation, before=page[0], limit=3)
    oldest = messages_of(conversation, before=older[0].pk, limit=3)
    assert [m.text for m in [*oldest, *older, *page]] == ["0", "1", "2", "3", "4", "5", "6"]
    assert messages_of(conversation, before=uuid7()) == []
