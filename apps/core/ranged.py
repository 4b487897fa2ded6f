"""A stored file as an answer, whole or the range of it that was asked for: RFC 9110, section 14."""

import re
from collections.abc import Iterator
from typing import IO

from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse

RANGE = re.compile(r"^bytes=(\d{0,15})-(\d{0,15})$")
CHUNK = 64 * 1024


def file_answer(stored: FieldFile, wanted: str) -> HttpResponseBase:
    """One range of bytes (`wanted` is the Range header), or everything. Raises Http404 where the file is gone."""
    try:
        file = stored.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    size = stored.size
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
