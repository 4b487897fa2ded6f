"""Files, only for those who may see the conversation: never from a public folder, and never as anything that a browser runs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import UUID

from django.contrib.staticfiles import finders
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from apps.desktop.models import Attachment
from apps.desktop.views.rights import desk_required, person

SHOWN = re.compile(r"^(image/(jpeg|png|gif|webp)|audio/[\w.+-]+|video/[\w.+-]+|application/pdf)$")
RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")
CHUNK = 64 * 1024


@require_GET
@desk_required  # type: ignore[arg-type]  # it may stream
def attachment(request: HttpRequest, attachment_id: UUID) -> HttpResponseBase:
    """Inline where it is a picture, sound, film or PDF, else as a download. `Range` is served: players need it."""
    found = Attachment.objects.select_related("message").filter(pk=attachment_id, state=Attachment.State.STORED).first()
    if found is None or not _visible(found, request):
        raise Http404
    inline = bool(SHOWN.match(found.mime)) and "download" not in request.GET
    answer = _ranged(found, request.headers.get("Range", ""))
    answer["Content-Type"] = found.mime if SHOWN.match(found.mime) else "application/octet-stream"
    answer["Content-Disposition"] = content_disposition_header(not inline, found.name or "file") or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


def _visible(found: Attachment, request: HttpRequest) -> bool:
    """Once sent or received it is everybody's at the desk; before that only the uploader's."""
    return found.message is not None or found.uploaded_by == person(request)


def _ranged(found: Attachment, wanted: str) -> HttpResponseBase:
    """RFC 9110, section 14: one range of bytes, or everything."""
    try:
        file = found.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    size = found.file.size
    span = _span(wanted, size)
    if span is None:
        answer: HttpResponseBase = FileResponse(file)
    elif span[0] > span[1]:
        file.close()
        answer = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    else:
        first, last = span
        answer = StreamingHttpResponse(_bytes(file, first, last - first + 1), status=206)
        answer["Content-Range"], answer["Content-Length"] = f"bytes {first}-{last}/{size}", str(last - first + 1)
    answer["Accept-Ranges"] = "bytes"
    return answer


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    match = RANGE.match(wanted)
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(size - 1, int(last) if last else size - 1)


def _bytes(file: IO[bytes], first: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        while length > 0 and (chunk := file.read(min(CHUNK, length))):
            length -= len(chunk)
            yield chunk


@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """At the root, because a service worker only sees what lies below its own address."""
    path = finders.find("ui/sw.js")
    if path is None:
        raise Http404
    answer = HttpResponse(Path(path).read_bytes(), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer
