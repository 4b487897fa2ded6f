"""Files that contacts send: fetched from Meta into storage, a piece at a time, with their type, size and hash checked."""

import base64
import hashlib
import tempfile
import time
from typing import IO, Any

from django.core.files.base import File
from django.db import transaction

from apps.core.errors import PermanentError, TransientError
from apps.core.outbox import effect_enqueue
from apps.desktop.models import Attachment, Message
from apps.desktop.selectors.outgoing import attachment_get
from apps.desktop.services.messages import attachment_failed, attachment_refused, attachment_stored
from apps.whatsapp import graph
from apps.whatsapp.selectors import mapping_for
from apps.whatsapp.services.voices import MEDIA, transcript_enqueue

MB = 1024 * 1024
# Meta's own limits per type, in MB: nothing larger can come from a phone.
# https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
LIMITS_MB = {"image": 5, "audio": 16, "video": 16, "sticker": 1, "document": 100}
TYPES = {"image": ("image/",), "audio": ("audio/", "application/ogg"), "video": ("video/",), "sticker": ("image/",)}
REFUSED_TYPES = ("text/html", "image/svg+xml", "application/xhtml+xml")  # they could run in a colleague's browser
CHUNK = 256 * 1024
IN_MEMORY = 1 * MB
FETCH_SECONDS = 50.0  # below the outbox's lease of 60


class TooBig(PermanentError):
    """The file is larger than its type may be."""


def media_enqueue(message: Message) -> None:
    """In the caller's transaction: has the files of a contact's message fetched."""
    for attachment in message.attachments.all():
        effect_enqueue(kind=MEDIA, key=f"{MEDIA}:{attachment.pk}", payload={"attachment": str(attachment.pk)})


def media_fetch(attachment_id: str) -> str:
    """Fetches one file. A file that may not be kept is noted as refused; returns what became of it.

    Raises TransientError when another try can help.
    """
    attachment = attachment_get(attachment_id)
    if attachment is None or attachment.message is None or attachment.state != Attachment.State.PENDING:
        return "over"
    kind, token = attachment.message.kind, _token(attachment)
    about = graph.media_about(token=token, media_id=attachment.external_id)
    mime = str(about.get("mime_type") or attachment.mime)
    if refusal := _refusal(kind, mime, _size(about)):
        attachment_refused(attachment_id=attachment.pk, note=refusal)
        return "refused"
    try:
        _fetch(attachment, about, mime, token)
    except TooBig as error:
        attachment_refused(attachment_id=attachment.pk, note=str(error))
        return "refused"
    return "stored"


def media_give_up(attachment_id: str, note: str) -> None:
    """The file could not be had."""
    attachment = attachment_get(attachment_id)
    if attachment is not None and attachment.state == Attachment.State.PENDING:
        attachment_failed(attachment_id=attachment.pk, note=note)


def _token(attachment: Attachment) -> str:
    assert attachment.message is not None
    mapping = mapping_for(attachment.message.conversation.line)
    if mapping is None:
        raise PermanentError("This number is not mapped any more, so its files cannot be fetched.")
    return mapping.access_token


def _refusal(kind: str, mime: str, size: int) -> str:
    """Why a file is not kept, for people; empty when it is."""
    if mime.split(";")[0].strip() in REFUSED_TYPES:
        return f"Files of the type {mime} are not kept. Ask the contact to send it in another form."
    if not mime.startswith(TYPES.get(kind, ("",))):
        return f"The file came as {kind} and is of the type {mime}; it was not kept."
    return _too_big(kind) if size > LIMITS_MB[kind] * MB else ""


def _too_big(kind: str) -> str:
    return f"The file is over {LIMITS_MB[kind]} MB, more than WhatsApp allows for this type; it was not kept."


def _size(about: dict[str, Any]) -> int:
    size = about.get("file_size")
    return int(size) if isinstance(size, int) or (isinstance(size, str) and size.isdigit()) else 0


def _fetch(attachment: Attachment, about: dict[str, Any], mime: str, token: str) -> None:
    assert attachment.message is not None
    kind = attachment.message.kind
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as buffer:
        size, digest = _stream(token, str(about.get("url", "")), buffer, kind)
        if not _matches(digest, str(about.get("sha256", ""))):
            raise TransientError("The file came damaged.")
        buffer.seek(0)
        with transaction.atomic():
            attachment_stored(attachment_id=attachment.pk, file=File(buffer, name="file"), mime=mime, size=size)
            if kind == "audio":
                transcript_enqueue(attachment.pk)


def _stream(token: str, url: str, buffer: IO[bytes], kind: str) -> tuple[int, bytes]:
    """Returns size and SHA-256. Only one piece is in memory at a time."""
    until, size, digest = time.monotonic() + FETCH_SECONDS, 0, hashlib.sha256()
    with graph.media_stream(token=token, url=url) as response:
        for piece in response.iter_bytes(CHUNK):
            size += len(piece)
            if size > LIMITS_MB[kind] * MB:
                raise TooBig(_too_big(kind))
            if time.monotonic() > until:
                raise TransientError(f"The file did not come within {FETCH_SECONDS:g} s.")
            digest.update(piece)
            buffer.write(piece)
    return size, digest.digest()


def _matches(digest: bytes, told: str) -> bool:
    """Meta tells the hash in hex or base64; where it tells none there is nothing to compare."""
    known = {64: digest.hex(), 44: base64.b64encode(digest).decode()}
    return len(told) not in known or known[len(told)] == told
