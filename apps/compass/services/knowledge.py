"""Documents as people give, change and delete them. What then happens by itself is in knowledge_index."""

import hashlib
from contextlib import suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from apps.compass.knowledge.parsing import MAX_BYTES, Unreadable, kind_of
from apps.compass.models import AgentVersion, Document, Passage
from apps.compass.models.knowledge import OPEN_STATES
from apps.core.errors import PermanentError
from apps.core.realtime import hint_publish
from apps.core.schema import schema_current

log = structlog.get_logger(__name__)

MOST_DOCUMENTS = 1_000
DAY = timedelta(days=1)
TOPIC = "knowledge"


def document_upload(*, file: UploadedFile, created_by: UUID | None = None) -> Document:
    """Keeps a file and has it read. Raises Unreadable where its content says already that it cannot be."""
    filename = PurePosixPath((file.name or "").replace("\\", "/")).name[:255]
    data = _bytes(file)
    kind = kind_of(data, filename)
    _room_check()
    document = Document(
        source=Document.Source.FILE, name=(PurePosixPath(filename).stem or _("Document"))[:200], created_by=created_by
    )
    return _stored(document, data, filename, kind)


def document_replace(*, document: Document, file: UploadedFile) -> Document:
    """Another file in the same document's place: its id, and what agents select, stay. Raises as document_upload does."""
    if document.source != Document.Source.FILE:
        raise PermanentError(_("This document is read from a web address; change it there, and read it again."))
    filename = PurePosixPath((file.name or "").replace("\\", "/")).name[:255]
    data = _bytes(file)
    kind = kind_of(data, filename)
    old, storage = document.file.name, document.file.storage
    with transaction.atomic():
        stored = _stored(_locked(document), data, filename, kind)
        transaction.on_commit(lambda: _file_delete(storage, old))
    return stored


@transaction.atomic
def document_address_add(*, address: str, name: str = "", daily: bool = False, created_by: UUID | None = None) -> Document:
    """Has a web page read, and again each day where `daily`. Raises PermanentError where this is no web address."""
    address = _address(address)
    _room_check()
    if Document.objects.filter(address=address).exists():
        raise PermanentError(_("This address is among your documents already. Open it there to read it again."))
    document = Document(source=Document.Source.ADDRESS, address=address, name=_name(name or address), daily=daily)
    document.created_by = created_by
    return _queued(document)


@transaction.atomic
def document_update(*, document: Document, name: str, daily: bool | None = None) -> Document:
    """Renames a document, and says whether its address is read each day. None leaves that as it is."""
    document = _locked(document)
    document.name = _name(name)
    if daily is not None and document.source == Document.Source.ADDRESS:
        document.daily, document.refresh_at = daily, timezone.now() + DAY if daily else None
    document.version += 1
    document.save(update_fields=["name", "daily", "refresh_at", "version", "updated_at"])
    document_announce(document)
    return document


@transaction.atomic
def document_reindex(*, document: Document) -> Document:
    """Has it read again from its file or address. Until that is done, what was read before is found."""
    return _queued(_locked(document))


@transaction.atomic
def document_stop(*, document: Document) -> Document:
    """Ends the work on it. One that was ready before is ready again, as it was."""
    document = _locked(document)
    if document.state not in OPEN_STATES:
        return document
    document.state = Document.State.READY if document.generation else Document.State.STOPPED
    document.note = "" if document.generation else _("You stopped it. Start it again when you like.")
    document.run, document.building, document.version = document.run + 1, 0, document.version + 1
    document.save()
    Passage.objects.filter(document=document).exclude(generation=document.generation).delete()
    document_announce(document)
    return document


@transaction.atomic
def document_delete(*, document: Document) -> None:
    """Removes it with every trace: its file, its passages and vectors, and its place in agents' drafts."""
    _drafts_forget(str(document.pk))
    storage, name = document.file.storage, document.file.name
    document_announce(document)
    Document.objects.filter(pk=document.pk).delete()
    transaction.on_commit(lambda: _file_delete(storage, name))


def document_announce(document: Document) -> None:
    """Tells the pages that show it."""
    hint_publish(schema_current(), TOPIC, "document", str(document.pk), document.version)


def document_queue(document_id: UUID | str) -> None:
    """Wakes a worker up after the commit; the sweeper comes where that gets lost."""
    transaction.on_commit(lambda: _wake(str(document_id)))


def _wake(document_id: str) -> None:
    from apps.compass.tasks import document_work_task

    try:
        document_work_task.apply_async((document_id,), retry=False)
    except OperationalError as error:
        log.warning("document_not_hurried", error=type(error).__name__)


def _queued(document: Document) -> Document:
    document.state, document.note = Document.State.QUEUED, ""
    document.due_at, document.run, document.attempts = timezone.now(), document.run + 1, 0
    document.building, document.done, document.total, document.version = 0, 0, 0, document.version + 1
    document.save()
    document_announce(document)
    document_queue(document.pk)
    return document


@transaction.atomic
def _stored(document: Document, data: bytes, filename: str, kind: str) -> Document:
    document.filename, document.size, document.kind = filename, len(data), kind
    document.content_hash = hashlib.sha256(data).hexdigest()
    document.file.save(filename, ContentFile(data), save=False)
    return _queued(document)


def _bytes(file: UploadedFile) -> bytes:
    if (file.size or 0) > MAX_BYTES:
        raise Unreadable(_("This document is over 25 MB. Split it, or leave out its pictures, and upload the parts."))
    return bytes(file.read(MAX_BYTES + 1))


def _locked(document: Document) -> Document:
    found = Document.objects.select_for_update().filter(pk=document.pk).first()
    if found is None:
        raise PermanentError(_("This document has been deleted meanwhile."))
    return found


def _room_check() -> None:
    if Document.objects.count() >= MOST_DOCUMENTS:
        raise PermanentError(_("There are 1,000 documents here, which is as many as can be. Delete some first."))


def _name(name: str) -> str:
    name = " ".join(name.replace("\x00", " ").split())[:200]
    if not name:
        raise PermanentError(_("Give the document a name."))
    return name


def _address(address: str) -> str:
    address = address.strip()
    if "://" not in address:
        address = f"https://{address}"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and "." in (parts.hostname or "") and "@" not in parts.netloc
        _port = parts.port
    except ValueError:
        usable = False
    if not usable or len(address) > 2_000 or not address.isprintable() or " " in address:
        raise PermanentError(_("This is not a web address. Write it as https://www.example.com/page."))
    return parts._replace(fragment="").geturl()


def _drafts_forget(document_id: str) -> None:
    drafts = AgentVersion.objects.select_for_update().filter(
        Q(config__knowledge__documents__contains=[document_id]), state=AgentVersion.State.DRAFT
    )
    for draft in drafts:
        knowledge: dict[str, Any] = draft.config["knowledge"]
        knowledge["documents"] = [one for one in knowledge["documents"] if one != document_id]
        draft.save(update_fields=["config"])


def _file_delete(storage: Storage, name: str | None) -> None:
    if not name:
        return
    storage.delete(name)
    with suppress(NotImplementedError, OSError):  # the folder, once it is empty, where storage has folders
        Path(storage.path(name)).parent.rmdir()


def document_touch(document: Document, **values: Any) -> bool:
    """A worker's write, which only counts while nobody has taken the document over since. False when somebody has."""
    current = Document.objects.filter(pk=document.pk, run=document.run, state__in=OPEN_STATES)
    if not current.update(version=F("version") + 1, updated_at=timezone.now(), **values):
        return False
    document.refresh_from_db()
    document_announce(document)
    return True
