"""`Idempotency-Key`: the answer of a request is kept for a day, and the same request again gets it without being done again."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.core.errors import problem_response
from apps.core.fields import EncryptedTextField
from apps.core.ids import uuid7
from apps.core.schema import schema_current

KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=60)
METHODS = frozenset({"POST", "PATCH"})
LONGEST = 255
# What a later try may answer otherwise: who asks is not known, may not, or asks too much.
NOT_KEPT = frozenset({401, 403, 429})


class IdempotentAnswer(models.Model):
    """A request that came with a key, and its answer once there is one. Shared schema; `owner` carries the tenant."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.CharField(max_length=191, help_text="The tenant, and whose key it is.")
    key = models.CharField(max_length=LONGEST)
    digest = models.CharField(max_length=64, help_text="Of method, address and body.")
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty while it is being done.")
    content_type = models.CharField(max_length=100, blank=True)
    body = EncryptedTextField(blank=True, default="", help_text="Answers may hold secrets that are shown once.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        app_label = "core"
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="idempotent_once")]

    def __str__(self) -> str:
        return f"{self.key} {self.status}"


@dataclass(frozen=True)
class Claim:
    """What happens with a request: `answer` is sent as it is; without one it is done, and `row` takes what comes of it."""

    row: IdempotentAnswer | None = None
    answer: HttpResponse | None = None


def claim(request: HttpRequest, owner: str) -> Claim:
    """`owner` is whose key the request's `Idempotency-Key` is; a request without one is done as usual."""
    key = request.headers.get("Idempotency-Key", "")
    if not key or request.method not in METHODS:
        return Claim()
    if len(key) > LONGEST or not key.isprintable():
        detail = f"An Idempotency-Key has at most {LONGEST} printable characters."
        return Claim(answer=problem_response(400, "bad_idempotency_key", detail))
    try:
        digest = _digest(request)
    except RequestDataTooBig:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE / 1_000_000
        return Claim(answer=problem_response(413, "too_large", f"With an Idempotency-Key a body has at most {most:.1f} MB."))
    full = f"{schema_current()}:{owner}"
    _forget_old()
    row = IdempotentAnswer(owner=full, key=key, digest=digest)
    if _insert(row):
        return Claim(row=row)
    return _again(row)


def finish(row: IdempotentAnswer, answer: HttpResponse) -> None:
    """Keeps the answer, or forgets the key where trying again may end otherwise."""
    rows = IdempotentAnswer.objects.filter(pk=row.pk)
    led_on = 300 <= answer.status_code < 400  # nothing was done, and the same key comes with another address
    if answer.status_code >= 500 or led_on or answer.status_code in NOT_KEPT or answer.streaming:
        rows.delete()
        return
    row.status, row.content_type = answer.status_code, answer.headers.get("Content-Type", "")[:100]
    row.body = answer.content.decode("utf-8", "replace")
    row.save(update_fields=["status", "content_type", "body"])


def answers_rotate(schema: str) -> int:
    """For the rotation of FIELD_KEYS, in the schema that the answers are of: writes them anew. Raises WrongKey."""
    rows = IdempotentAnswer.objects.filter(owner__startswith=f"{schema}:").exclude(body="")
    return sum(IdempotentAnswer.objects.filter(pk=row.pk).update(body=row.body) for row in rows)


def _insert(row: IdempotentAnswer) -> bool:
    IdempotentAnswer.objects.bulk_create([row], ignore_conflicts=True)
    return IdempotentAnswer.objects.filter(pk=row.pk).exists()


def _again(row: IdempotentAnswer) -> Claim:
    first = IdempotentAnswer.objects.filter(owner=row.owner, key=row.key).first()
    if first is None:
        return Claim(answer=_busy())
    if first.digest != row.digest:
        detail = "This Idempotency-Key came with another request before. Use a new key for each request."
        return Claim(answer=problem_response(409, "idempotency_key_reused", detail))
    if first.status is None:
        return _running(first)
    answer = HttpResponse(first.body, status=first.status, content_type=first.content_type)
    answer.headers["Idempotent-Replayed"] = "true"
    return Claim(answer=answer)


def _running(first: IdempotentAnswer) -> Claim:
    """A process that died with the request leaves the key to the next one after a minute."""
    now = timezone.now()
    stale = IdempotentAnswer.objects.filter(pk=first.pk, status=None, created_at__lt=now - LEASE)
    return Claim(row=first) if stale.update(created_at=now) else Claim(answer=_busy())


def _busy() -> HttpResponse:
    answer = problem_response(409, "in_progress", "The first request with this Idempotency-Key is still being done. Ask again.")
    answer.headers["Retry-After"] = "1"
    return answer


def _digest(request: HttpRequest) -> str:
    parts = (str(request.method).encode(), request.get_full_path().encode(), _content(request))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _content(request: HttpRequest) -> bytes:
    """A form's fields and files rather than its bytes: a repeated upload has another boundary, and is no small body."""
    if request.content_type != "multipart/form-data":
        return request.body
    found = hashlib.sha256(request.POST.urlencode().encode())
    for name, files in request.FILES.lists():
        for file in files:
            found.update(f"\0{name}\0{file.name}\0{file.size}\0".encode())
            for chunk in file.chunks():
                found.update(chunk)
            file.seek(0)
    return found.digest()


def _forget_old() -> None:
    IdempotentAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
