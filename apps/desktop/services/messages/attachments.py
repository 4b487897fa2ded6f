"""Files of messages: fetched from a channel, or uploaded by a colleague. Names on disk are ours, never theirs."""

import re
from pathlib import PurePosixPath
from uuid import UUID

from django.core.files.base import File
from django.db import transaction

from apps.desktop.errors import BadFile, NotColleague, UnknownAttachment
from apps.desktop.events import conversation_changed
from apps.desktop.models import Attachment
from apps.desktop.selectors.people import is_colleague
from apps.desktop.services.rules import conversation_lock

MAX_BYTES = 100 * 1024 * 1024  # WhatsApp's limit for documents, the widest of any type
MIME = re.compile(r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")
SUFFIX = re.compile(r"^\.[a-z0-9]{1,8}$")


@transaction.atomic
def attachment_upload(*, user_id: UUID, file: File, name: str, mime: str) -> Attachment:
    """Keeps a colleague's file until they send it. Raises BadFile when it is empty or over 100 MB, NotColleague."""
    if not is_colleague(user_id):
        raise NotColleague
    if not file.size:
        raise BadFile("This file is empty; choose another.")
    if file.size > MAX_BYTES:
        raise BadFile("This file is over 100 MB. Send a smaller one, or a link.")
    attachment = Attachment(uploaded_by=user_id, name=PurePosixPath(name.replace("\\", "/")).name[:255])
    _store(attachment, file, mime, file.size)
    return attachment


@transaction.atomic
def attachment_stored(*, attachment_id: UUID | str, file: File, mime: str, size: int) -> Attachment:
    """The channel's file is here. `size` in bytes."""
    attachment = _locked(attachment_id)
    _store(attachment, file, mime, size)
    _announce(attachment)
    return attachment


def attachment_refused(*, attachment_id: UUID | str, note: str) -> Attachment:
    """The file is of a kind or size that is not kept; `note` says so to people."""
    return _ended(attachment_id, Attachment.State.REFUSED, note)


def attachment_failed(*, attachment_id: UUID | str, note: str) -> Attachment:
    """The file could not be fetched; `note` says so to people."""
    return _ended(attachment_id, Attachment.State.FAILED, note)


@transaction.atomic
def attachment_transcribed(*, attachment_id: UUID | str, text: str) -> Attachment:
    """Keeps what a voice note says."""
    attachment = _locked(attachment_id)
    attachment.transcript = text
    attachment.save(update_fields=["transcript"])
    _announce(attachment)
    return attachment


@transaction.atomic
def _ended(attachment_id: UUID | str, state: str, note: str) -> Attachment:
    attachment = _locked(attachment_id)
    if attachment.state != Attachment.State.STORED:
        attachment.state, attachment.note = state, note[:300]
        attachment.save(update_fields=["state", "note"])
        _announce(attachment)
    return attachment


def _locked(attachment_id: UUID | str) -> Attachment:
    found = Attachment.objects.select_for_update().filter(pk=attachment_id).first()
    if found is None:
        raise UnknownAttachment
    return found


def _store(attachment: Attachment, file: File, mime: str, size: int) -> None:
    mime = mime.split(";")[0].strip().lower()
    attachment.mime = mime if MIME.match(mime) else "application/octet-stream"
    attachment.size, attachment.state, attachment.note = size, Attachment.State.STORED, ""
    suffix = PurePosixPath(attachment.name).suffix.lower()
    attachment.file.save(f"{attachment.pk}{suffix if SUFFIX.match(suffix) else ''}", file, save=False)
    attachment.save()


def _announce(attachment: Attachment) -> None:
    if attachment.message is not None:
        conversation = conversation_lock(attachment.message.conversation_id)
        conversation_changed(conversation, "attachment", message=str(attachment.message_id), attachment=str(attachment.pk))
