"""What became of a message that went out. Reports come doubled and in any order; the message only advances."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.desktop.errors import UnknownMessage
from apps.desktop.events import conversation_changed
from apps.desktop.models import Conversation, Message, MessageStatus
from apps.desktop.services.messages.reacting import reactions_failed
from apps.desktop.services.rules import conversation_lock

Status = Message.Status
RANK = {Status.PENDING: 0, Status.UNCERTAIN: 1, Status.SENT: 2, Status.DELIVERED: 3, Status.READ: 4, Status.FAILED: 5}


@transaction.atomic
def message_status_set(
    *,
    external_id: str,
    status: str,
    at: datetime,
    error_code: str = "",
    error_text: str = "",
    pricing: dict[str, Any] | None = None,
) -> bool:
    """Keeps a status that the channel reports (sent, delivered, read, failed); true where the message advanced by it.

    Raises UnknownMessage: the report may have come before the answer that names the message.
    """
    conversation, message = _locked(external_id=external_id)
    MessageStatus.objects.bulk_create(
        [MessageStatus(message=message, status=status, at=at, pricing=pricing)], ignore_conflicts=True
    )
    return _advance(conversation, message, status, error_code, error_text)


@transaction.atomic
def message_sent(*, message_id: UUID | str, external_id: str) -> Message:
    """The channel took it and calls it `external_id`."""
    conversation, message = _locked(pk=message_id)
    message.external_id = external_id
    message.save(update_fields=["external_id"])
    _advance(conversation, message, Status.SENT)
    return message


@transaction.atomic
def message_failed(*, message_id: UUID | str, code: str, text: str) -> Message:
    """The channel refused it; `text` says to people why, and what to do."""
    conversation, message = _locked(pk=message_id)
    _advance(conversation, message, Status.FAILED, code, text)
    return message


@transaction.atomic
def message_uncertain(*, message_id: UUID | str, text: str) -> Message:
    """Nobody knows whether it went out; it is not sent again by itself."""
    conversation, message = _locked(pk=message_id)
    _advance(conversation, message, Status.UNCERTAIN, "", text)
    return message


def _locked(**which: Any) -> tuple[Conversation, Message]:
    """The conversation's lock guards its messages too."""
    found = Message.objects.filter(**which).values_list("conversation_id", flat=True).first()
    if found is None:
        raise UnknownMessage
    return conversation_lock(found), Message.objects.get(**which)


def _advance(conversation: Conversation, message: Message, status: str, code: str = "", text: str = "") -> bool:
    if RANK[Status(status)] <= RANK.get(Status(message.status), 0):
        return False
    message.status, message.error_code, message.error_text = status, code[:24], text[:500]
    message.save(update_fields=["status", "error_code", "error_text"])
    if status == Status.FAILED:
        reactions_failed(conversation.pk)
    conversation_changed(conversation, "status", message=str(message.pk), status=status)
    return True
