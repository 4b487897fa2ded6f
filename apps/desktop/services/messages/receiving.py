"""What contacts write. Deliveries may be doubled and in any order: the state afterwards is the same."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.compass.services.webhooks import webhook_event
from apps.core.rows import row_insert
from apps.desktop.errors import UnknownMessage
from apps.desktop.events import conversation_changed
from apps.desktop.models import Conversation, Message
from apps.desktop.notifications import person_notify
from apps.desktop.services.conversations.offering import conversation_awake
from apps.desktop.services.messages.arriving import files_expect, replied, replies_link
from apps.desktop.services.messages.gathering import answers_gather
from apps.desktop.services.messages.preview import preview_set
from apps.desktop.services.messages.sentiment import sentiment_refresh
from apps.desktop.services.rules import conversation_held, conversation_lock
from apps.desktop.webhooks import message_data

WINDOW = timedelta(hours=24)  # the customer service window of WhatsApp's Cloud API


def message_receive(
    *,
    conversation: Conversation,
    external_id: str,
    kind: str,
    text: str,
    payload: dict[str, Any],
    at: datetime,
    reply_to: str | None = None,
    attachments: Sequence[dict[str, Any]] = (),
    locked: bool = False,
) -> Message | None:
    """Keeps a contact's message; None when it is known already. Opens the window for 24 h and wakes a snoozed conversation.

    `reply_to` is an external id; `attachments` have external_id, mime, name and size (bytes). `locked`: the caller's
    transaction holds the conversation.
    """
    with conversation_held(conversation, locked=locked):
        payload = {**payload, "reply_to": reply_to} if reply_to else payload
        message = Message(
            conversation=conversation, author=Message.Author.CONTACT, status=Message.Status.RECEIVED, external_id=external_id,
            kind=kind, text=text, payload=payload, at=min(at, timezone.now()), reply_to=replied(conversation, reply_to),
        )  # fmt: skip
        if not row_insert(message):
            return None
        files_expect(message, attachments)
        last = conversation.last_message_at
        # What is later than all that is here has no reply yet, and no answer.
        answered = (last is None or last >= message.at) and replies_link(message, conversation)
        if answered:
            answers_gather(conversation, message)
        _arrived(conversation, message, answered=answered)
        webhook_event(type="message.received", data=message_data(message))
    return message


def _arrived(conversation: Conversation, message: Message, *, answered: bool) -> None:
    """`answered`: the company's own answer overtook it, so nobody waits for one."""
    begins = conversation.waiting_since is None and not answered
    end = message.at + WINDOW
    conversation.window_until = max(conversation.window_until or end, end)
    if not answered:
        conversation.waiting_since = min(conversation.waiting_since or message.at, message.at)
        conversation.unread += 1
    elif conversation.waiting_since is None:
        conversation.claim_until = conversation.answer_due_at = None
    if message.text:
        sentiment_refresh(conversation)
    preview_set(conversation, message)
    conversation_changed(conversation, "message", message=str(message.pk), author=message.author)
    if conversation.status == Conversation.Status.SNOOZED:
        conversation_awake(conversation)
    elif conversation.assignee_id is not None and begins:
        person_notify(conversation=conversation, user_id=conversation.assignee_id)


@transaction.atomic
def message_reaction_set(*, external_id: str, who: str, emoji: str) -> Message:
    """Sets or ("") removes a reaction of `who` (contact, Message.APP) to a message; each side has one. Raises UnknownMessage."""
    message = Message.objects.filter(external_id=external_id).first()
    if message is None:
        raise UnknownMessage
    conversation = conversation_lock(message.conversation_id)
    message.refresh_from_db(fields=["kind", "reactions"])
    if message.kind != Message.REVOKED and message.reactions.get(who, "") != emoji:
        theirs = who == Message.Author.CONTACT
        others = {name: shown for name, shown in message.reactions.items() if (name == Message.Author.CONTACT) != theirs}
        message.reactions = {**others, who: emoji} if emoji else others
        message.save(update_fields=["reactions"])
        conversation_changed(conversation, "reaction", message=str(message.pk))
    return message
