"""Reading, cutting and embedding a document, in steps that any worker can take up where another one ended.

A worker claims the document with a conditional UPDATE that gives it a number (`run`); what an earlier one still writes does
not count. The new passages are made beside the old ones, which are found until all of the new ones have their vectors.
"""

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.compass.client import Call, RequestFailed, request
from apps.compass.guard import Blocked
from apps.compass.knowledge.chunking import MOST_PASSAGES, Piece, passages_of
from apps.compass.knowledge.embedding import BATCH, Vectors, embed, embedding_model, embedding_usage
from apps.compass.knowledge.parsing import MAX_BYTES, Text, Unreadable, document_read
from apps.compass.metering import usage_tell
from apps.compass.models import Document, Passage
from apps.compass.models.knowledge import OPEN_STATES
from apps.compass.services.knowledge import DAY, document_queue, document_touch
from apps.compass.services.webhooks import webhook_event
from apps.core.errors import MeridianError, PermanentError, TransientError
from apps.core.schema import schemas_where

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=180)
SLICE = 20.0  # seconds after which a worker lets others come first
MAX_ATTEMPTS = 5
BACKOFF = (5, 20, 60, 300)
FETCH_SECONDS = 20.0
PROGRESS_EVERY = 0.4  # seconds
OVERDUE = timedelta(seconds=5)
HEADERS = {"Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,text/*;q=0.8,*/*;q=0.1"}


class Superseded(MeridianError):
    """Somebody stopped, changed or deleted the document, or another worker has it."""


def document_work(document_id: UUID | str, *, seconds: float = SLICE) -> bool:
    """Works on a document for a while, and says whether there was anything to do. What is left is queued again."""
    document = _claim(document_id)
    if document is None:
        return False
    ends_at = time.monotonic() + seconds
    try:
        if _reads(document):
            _embeds(document, ends_at)
    except Superseded:
        log.info("document_superseded", document=str(document_id))
    except TransientError as error:
        _again(document, str(error), error.after)
    except PermanentError as error:
        _fail(document, str(error))
    return True


def documents_due(now: datetime) -> list[UUID]:
    """In the current tenant: prepares what a day or another embedding model makes due, and lists what waits too long."""
    stale = Q(daily=True, refresh_at__lte=now) | (Q(state=Document.State.READY) & ~Q(model=embedding_model()))
    Document.objects.filter(stale).exclude(state__in=OPEN_STATES).update(
        state=Document.State.QUEUED, due_at=now, attempts=0, building=0, done=0, total=0, run=F("run") + 1, note=""
    )
    due = Document.objects.filter(Q(due_at__lte=now - OVERDUE) | Q(due_at=now), state__in=OPEN_STATES)
    return list(due.values_list("pk", flat=True)[:100])


def schemas_due(schemas: Sequence[str], now: datetime) -> list[str]:
    """Which of these tenants have something due."""
    condition = (
        "(state IN ('queued', 'reading', 'embedding') AND due_at <= %s) OR (daily AND refresh_at <= %s)"
        " OR (state = 'ready' AND model <> %s)"
    )
    test = f"EXISTS (SELECT 1 FROM {{}}.compass_document WHERE {condition})"  # noqa: S608 our own names
    return schemas_where(schemas, test.format, (now - OVERDUE, now, embedding_model()))


def _claim(document_id: UUID | str) -> Document | None:
    now = timezone.now()
    due = Document.objects.filter(pk=document_id, state__in=OPEN_STATES, due_at__lte=now)
    state = Case(When(building=0, then=Value(Document.State.READING)), default=Value(Document.State.EMBEDDING))
    if not due.update(run=F("run") + 1, attempts=F("attempts") + 1, due_at=now + LEASE, state=state, note=""):
        return None
    document = Document.objects.filter(pk=document_id).first()
    if document is not None and document.attempts > MAX_ATTEMPTS:
        _fail(document, _("Reading it was broken off several times. Try again, or split it into smaller parts."))
        return None
    return document


def _write(document: Document, **values: Any) -> None:
    if not document_touch(document, **values):
        raise Superseded


def _reads(document: Document) -> bool:
    """Makes the passages, without their vectors. False when there is nothing new, and the document is ready as it is."""
    if document.building:
        return True
    _write(document, done=0, total=0)
    data = _fetched(document) if document.source == Document.Source.ADDRESS else _file(document)
    digest = hashlib.sha256(data).hexdigest()
    same = document.content_hash == digest and document.generation and document.model == embedding_model()
    if same and document.source == Document.Source.ADDRESS:
        _write(document, **_ready(document))
        return False
    text = document_read(data, document.filename or document.address, _Reading(document))
    pieces = list(passages_of(text.blocks))
    if len(pieces) > MOST_PASSAGES:
        raise Unreadable(_("There is too much text in this document. Split it, and upload the parts."))
    _passages_make(document, pieces, _facts(document, data, digest, text))
    return True


class _Reading:
    """How far reading is, written now and then; that also keeps the document from being taken for abandoned."""

    def __init__(self, document: Document) -> None:
        self._document, self._next = document, 0.0

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_EVERY
            _write(self._document, done=done, total=total, due_at=timezone.now() + LEASE)


def _file(document: Document) -> bytes:
    try:
        with document.file.open("rb") as file:
            return bytes(file.read())
    except (FileNotFoundError, ValueError) as error:
        raise Unreadable(_("Its file is no longer there. Upload it again.")) from error


def _fetched(document: Document) -> bytes:
    """What the address answers, through the guard that tools go through."""
    try:
        answer = request(Call("GET", document.address, HEADERS, None), timeout=FETCH_SECONDS, most=MAX_BYTES)
    except Blocked as error:
        raise Unreadable(
            _("This address lies in a network that may not be reached. Use a public one, or upload a file.")
        ) from error
    except RequestFailed as error:
        raise Unreadable(_("The address could not be read. %(why)s Check it, and try again.") % {"why": error}) from error
    if not 200 <= answer.status < 300:
        raise Unreadable(
            _("The address answered with status %(status)s instead of a page. Check it, and try again.")
            % {"status": answer.status}
        )
    return answer.body


def _facts(document: Document, data: bytes, digest: str, text: Text) -> dict[str, Any]:
    facts = {"kind": text.kind, "pages": text.pages, "size": len(data), "content_hash": digest}
    if document.source == Document.Source.ADDRESS and document.name == document.address and text.title:
        facts["name"] = text.title[:200]
    return facts


def _passages_make(document: Document, pieces: list[Piece], facts: dict[str, Any]) -> None:
    building = document.run
    rows = [
        Passage(
            document=document,
            generation=building,
            position=position,
            heading=piece.heading,
            page=piece.page,
            text=piece.text,
            tokens=piece.tokens,
            digest=piece.digest,
        )
        for position, piece in enumerate(pieces)
    ]
    with transaction.atomic():
        Passage.objects.filter(document=document).exclude(generation=document.generation).delete()
        Passage.objects.bulk_create(rows, batch_size=500)
        done = _vectors_reuse(document, building)
        _write(document, state=Document.State.EMBEDDING, building=building, done=done, total=len(rows), **facts)


def _vectors_reuse(document: Document, building: int) -> int:
    """What reads the same as before keeps its vector; returns how many do."""
    if not document.generation or document.model != embedding_model():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE compass_passage AS new SET embedding = old.embedding FROM compass_passage AS old"
            " WHERE new.document_id = %s AND new.generation = %s AND old.document_id = new.document_id"
            " AND old.generation = %s AND old.digest = new.digest",
            [document.pk, building, document.generation],
        )
        return cursor.rowcount


def _embeds(document: Document, ends_at: float) -> None:
    """Gives the passages their vectors, batch by batch; queues itself again when its time is over."""
    waiting = Passage.objects.filter(document=document, generation=document.building, embedding=None).order_by("position")
    while batch := list(waiting[:BATCH]):
        answer = embed([_embedded(passage) for passage in batch])
        _batch_charge(document, batch, answer)
        _batch_store(document, batch, answer)
        if time.monotonic() > ends_at:
            _write(document, due_at=timezone.now(), attempts=0)
            document_queue(document.pk)
            return
    _finish(document)


def _embedded(passage: Passage) -> str:
    return Piece(passage.text, passage.heading, passage.page, passage.tokens).embedded


def _batch_charge(document: Document, batch: list[Passage], answer: Vectors) -> None:
    """Once for each time that the service was asked, also where another worker has the document by now."""
    if answer.tokens:
        usage_tell("knowledge", f"{document.pk}:{document.run}:{batch[0].pk}", _metered([], answer.tokens))


def _batch_store(document: Document, batch: list[Passage], answer: Vectors) -> None:
    for passage, vector in zip(batch, answer.vectors, strict=True):
        passage.embedding = vector
    with transaction.atomic():
        Passage.objects.bulk_update(batch, ["embedding"])
        _write(
            document,
            done=F("done") + len(batch),
            due_at=timezone.now() + LEASE,
            usage=_metered(document.usage, answer.tokens),
        )


def _metered(usage: list[dict[str, Any]], tokens: int) -> list[dict[str, Any]]:
    """One row a model, as contracts.md (Billing) writes usage."""
    model = embedding_model()
    others = [row for row in usage if row.get("model") != model]
    before = sum(row["input_tokens"] for row in usage if row not in others)
    return [*others, embedding_usage(before + tokens)]


def _finish(document: Document) -> None:
    with transaction.atomic():
        made = document.building
        count = Passage.objects.filter(document=document, generation=made).count()
        values = {"generation": made, "passages": count, "model": embedding_model(), "building": 0, "done": count, "total": count}
        _write(document, **values, **_ready(document))
        Passage.objects.filter(document=document).exclude(generation=made).delete()
        data = {"document_id": str(document.pk), "name": document.name, "passages": count}
        webhook_event(type="document.ready", data=data)


def _ready(document: Document) -> dict[str, Any]:
    now = timezone.now()
    again = now + DAY if document.daily else None
    return {"state": Document.State.READY, "note": "", "attempts": 0, "indexed_at": now, "refresh_at": again}


def _fail(document: Document, why: str) -> None:
    again = timezone.now() + DAY if document.daily else None
    Passage.objects.filter(document=document).exclude(generation=document.generation).delete()
    document_touch(document, state=Document.State.FAILED, note=why[:400], building=0, refresh_at=again)


def _again(document: Document, why: str, after: float | None) -> None:
    if document.attempts >= MAX_ATTEMPTS:
        return _fail(document, _("%(why)s It was tried several times. Try again later.") % {"why": why})
    wait = max(after or 0, BACKOFF[min(document.attempts, len(BACKOFF)) - 1])
    note = _("%(why)s It is tried again by itself.") % {"why": why}
    document_touch(document, state=Document.State.QUEUED, note=note[:400], due_at=timezone.now() + timedelta(seconds=wait))
    return None
