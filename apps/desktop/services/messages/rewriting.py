"""Contacts edit or delete what they wrote, and companies what they said in another app.

Reports come in any order: the latest edit counts, and a deletion is final.
"""

from datetime import UTC, datetime
from functools import partial

from django.db import transaction

from apps.desktop.errors import UnknownMessage
from apps.desktop.events import conversation_changed
from apps.desktop.models import Conversation, Message
from apps.desktop.services.messages.preview import preview_set
from apps.desktop.services.messages.sentiment import sentiment_refresh
from apps.desktop.services.rules import conversation_lock


@transaction.atomic
def message_edit(*, external_id: str, edit_id: str, text: str, at: datetime, ours: bool = False) -> Message:
    """A message of the contact, or of `ours`, says something else since `at`; what it said at first is kept beside it.

    `edit_id` is the channel's id of the edit: of two in the same second the greater one counts. Raises UnknownMessage.
    """
    message, conversation = _found(external_id, ours)
    known = message.payload.get("edited", {})
    edit = {"at": at.astimezone(UTC).isoformat(), "id": edit_id}
    if message.kind == Message.REVOKED or (edit["at"], edit["id"]) <= (known.get("at", ""), known.get("id", "")):
        return message
    message.payload = {**message.payload, "edited": {**edit, "original": known.get("original", message.text)}}
    message.text = text
    message.save(update_fields=["payload", "text"])
    _shown(conversation, message, "edited")
    return message


@transaction.atomic
def message_revoke(*, external_id: str, at: datetime, ours: bool = False) -> Message:
    """The contact deleted a message, or the company one of `ours`: what it said and its files are gone here too.

    Only that it was there stays. Raises UnknownMessage.
    """
    message, conversation = _found(external_id, ours)
    if message.kind == Message.REVOKED:
        return message
    answered = {name: value for name, value in message.payload.items() if name == "reply_to"}
    message.payload = {**answered, "revoked": at.astimezone(UTC).isoformat(), "was": message.kind}
    message.kind, message.text, message.reactions = Message.REVOKED, "", {}
    message.save(update_fields=["kind", "payload", "text", "reactions"])
    _files_drop(message)
    _shown(conversation, message, "revoked")
    return message


def _found(external_id: str, ours: bool) -> tuple[Message, Conversation]:
    """The message as it is now, with its conversation locked; nobody rewrites what the other side wrote."""
    found = Message.objects.filter(external_id=external_id).first()
    if found is None or ours == (found.author == Message.Author.CONTACT):
        raise UnknownMessage
    conversation = conversation_lock(found.conversation_id)
    found.refresh_from_db()
    return found, conversation


def _files_drop(message: Message) -> None:
    for attachment in message.attachments.all():
        if attachment.file.name:
            transaction.on_commit(partial(attachment.file.storage.delete, attachment.file.name))
        attachment.delete()


def _shown(conversation: Conversation, message: Message, type: str) -> None:
    preview_set(conversation, message)
    sentiment_refresh(conversation)
    conversation_changed(conversation, type, message=str(message.pk))
