"""What goes out: by the AI, by the person who holds the conversation, or by Meridian itself."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone

from apps.compass.services.webhooks import webhook_event
from apps.core.rows import row_insert
from apps.desktop.channels import channel_for
from apps.desktop.errors import (
    DeletedMessage,
    EmptyMessage,
    NotAssignee,
    NotColleague,
    RequestReused,
    StaleGeneration,
    UnknownAttachment,
    UnknownMessage,
)
from apps.desktop.events import conversation_changed
from apps.desktop.models import Attachment, Conversation, Message
from apps.desktop.selectors.outgoing import files_none
from apps.desktop.selectors.people import is_colleague
from apps.desktop.services.messages.mentions import mentions_add
from apps.desktop.services.messages.preview import preview_set
from apps.desktop.services.rules import conversation_held, conversation_lock, require_unresolved
from apps.desktop.webhooks import message_data


def message_send(
    *,
    conversation: Conversation,
    author: str,
    user_id: UUID | None = None,
    kind: str = "text",
    text: str = "",
    payload: dict[str, Any] | None = None,
    reply_to_id: UUID | str | None = None,
    attachment_ids: Sequence[UUID | str] = (),
    generation: int | None = None,
    request_id: UUID | None = None,
    locked: bool = False,
) -> Message:
    """Stores a message as pending and hands it to the channel, both or neither. `author` is ai, person or system.

    `generation` is the one the author knew; `locked`: the caller's transaction holds the conversation. A person's `request_id`
    again returns the message that was sent with it. Raises StaleGeneration, NotAssignee, ConversationResolved, EmptyMessage,
    UnknownAttachment, UnknownMessage and DeletedMessage (reply_to_id), RequestReused, and what the channel raises, such as
    WindowClosed.
    """
    with conversation_held(conversation, locked=locked):
        if (before := _sent_before(conversation, user_id, request_id, kind, text)) is not None:
            return before
        _require_author(conversation, author, user_id, generation)
        if not (text.strip() or payload or attachment_ids):
            raise EmptyMessage
        message = Message(
            conversation=conversation, author=author, user_id=user_id, status=Message.Status.PENDING, kind=kind, text=text,
            payload=payload or {}, at=timezone.now(), reply_to=_replied(conversation, reply_to_id), request_id=request_id,
        )  # fmt: skip
        row_insert(message)
        _attach(message, attachment_ids)
        _answered(conversation, message)
        conversation_changed(conversation, "message", user_id=user_id, message=str(message.pk), author=author)
        channel_for(conversation.channel).message_send(message)
        webhook_event(type="message.sent", data=message_data(message))
    return message


def request_part(request_id: UUID | None, place: int) -> UUID | None:
    """The request id of the message at this place, where one request sends several."""
    return uuid5(request_id, str(place)) if request_id and place else request_id


def _sent_before(
    conversation: Conversation, user_id: UUID | None, request_id: UUID | None, kind: str, text: str
) -> Message | None:
    """What was sent with this request id: its answer was lost on the way, and the person sent it again."""
    if request_id is None:
        return None
    found = conversation.messages.filter(user_id=user_id, request_id=request_id).first()
    if found is not None and (found.kind, found.text) != (kind, text):
        raise RequestReused
    return found


def _require_author(conversation: Conversation, author: str, user_id: UUID | None, generation: int | None) -> None:
    if generation is not None and generation < conversation.generation:
        raise StaleGeneration
    if author != Message.Author.PERSON:
        return
    require_unresolved(conversation)
    if user_id is None or conversation.assignee_id != user_id:
        raise NotAssignee


def _replied(conversation: Conversation, message_id: UUID | str | None) -> Message | None:
    if message_id is None:
        return None
    found = conversation.messages.filter(pk=message_id, private=False).first()
    if found is None:
        raise UnknownMessage("The message you reply to is not in this conversation.")
    if found.kind == Message.REVOKED:
        raise DeletedMessage
    return found


def _attach(message: Message, ids: Sequence[UUID | str]) -> None:
    """Only one's own uploads, each once."""
    wanted = {str(pk) for pk in ids}
    if not wanted:
        return files_none(message)
    rows = Attachment.objects.filter(pk__in=wanted, message=None, uploaded_by=message.user_id, state=Attachment.State.STORED)
    if rows.update(message=message) != len(wanted):
        raise UnknownAttachment
    return None


def _answered(conversation: Conversation, message: Message) -> None:
    """Nobody waits any more, unless it is Meridian itself that speaks."""
    preview_set(conversation, message)
    if message.author == Message.Author.SYSTEM:
        return
    conversation.waiting_since = None
    if message.author == Message.Author.PERSON:
        conversation.claim_until = conversation.answer_due_at = None
        conversation.unread = 0
        conversation.status, conversation.snoozed_until = Conversation.Status.OPEN, None


@transaction.atomic
def note_add(*, conversation_id: UUID | str, user_id: UUID, text: str, request_id: UUID | None = None) -> Message:
    """Adds a note that only colleagues see; anybody of them may. Who is named in it as @Name is told.

    The same `request_id` again adds none.

    Raises EmptyMessage, NotColleague, RequestReused, UnknownConversation.
    """
    conversation = conversation_lock(conversation_id)
    if not is_colleague(user_id):
        raise NotColleague
    if not text.strip():
        raise EmptyMessage
    if (before := _sent_before(conversation, user_id, request_id, "note", text)) is not None:
        return before
    note = Message.objects.create(
        conversation=conversation, author=Message.Author.PERSON, user_id=user_id, private=True, kind="note",
        text=text, status=Message.Status.SENT, at=timezone.now(), request_id=request_id,
    )  # fmt: skip
    conversation_changed(conversation, "note", user_id=user_id, message=str(note.pk))
    mentions_add(note, conversation, user_id)
    return note
