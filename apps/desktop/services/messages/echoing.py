"""What the company says to a contact outside of Meridian, such as in the WhatsApp Business app on somebody's phone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.compass.services.webhooks import webhook_event
from apps.core.rows import row_insert
from apps.desktop.events import conversation_changed
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.services.conversations.opening import conversation_unresolved
from apps.desktop.services.messages.arriving import files_expect, replied, replies_link
from apps.desktop.services.messages.preview import preview_set
from apps.desktop.webhooks import message_data


def conversation_echoed(*, contact: Contact, channel: str, line: str) -> Conversation:
    """Where it is shown, locked in the caller's transaction: the unresolved conversation, else the last one as it is.

    Without any a resolved one is made: nobody here waits for anything.
    """
    Contact.objects.select_for_update().get(pk=contact.pk)  # of two at once only one makes a conversation
    found = conversation_unresolved(contact, channel, line)
    if found is None:
        rows = Conversation.objects.select_for_update().filter(contact=contact, channel=channel, line=line)
        found = rows.order_by("-created_at", "-pk").first()
    return found or _made(contact, channel, line)


def message_echo(
    *,
    conversation: Conversation,
    external_id: str,
    kind: str,
    text: str,
    payload: dict[str, Any],
    at: datetime,
    reply_to: str | None = None,
    attachments: Sequence[dict[str, Any]] = (),
) -> Message | None:
    """Keeps in a locked conversation what the company said elsewhere; None when it is known already.

    It answers what the contact had written before, also for an AI agent that holds the conversation. Channels tell whole seconds,
    and nobody reads and answers in one: what the contact wrote in the same second crossed it, and still waits.
    """
    payload = {**payload, "reply_to": reply_to} if reply_to else payload
    message = Message(
        conversation=conversation, author=Message.Author.PERSON, status=Message.Status.SENT, external_id=external_id,
        kind=kind, text=text, payload=payload, at=min(at, timezone.now()), reply_to=replied(conversation, reply_to),
    )  # fmt: skip
    if not row_insert(message):
        return None
    files_expect(message, attachments)
    replies_link(message, conversation)
    preview_set(conversation, message)
    _answered(conversation, message.at)
    conversation_changed(conversation, "message", message=str(message.pk), author=message.author)
    webhook_event(type="message.sent", data=message_data(message))
    return message


def _answered(conversation: Conversation, at: datetime) -> None:
    if conversation.status == Conversation.Status.PENDING:
        conversation.generation += 1  # what the agent is still saying was said by a person
    later = conversation.messages.filter(author=Message.Author.CONTACT, at__gte=at).order_by("at", "pk")
    conversation.unread = min(conversation.unread, later.count())
    if conversation.waiting_since is None or conversation.waiting_since > at:
        return
    first = later.first()
    conversation.waiting_since = first.at if first else None
    if first is None:
        conversation.claim_until = conversation.answer_due_at = None


def _made(contact: Contact, channel: str, line: str) -> Conversation:
    made = Conversation.objects.create(
        contact=contact, channel=channel, line=line, status=Conversation.Status.RESOLVED, resolved_at=timezone.now()
    )
    conversation_changed(made, "elsewhere")
    return made
