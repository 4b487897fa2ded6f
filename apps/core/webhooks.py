"""What every webhook begins with: its raw body, which the signature is of."""

from django.http import HttpRequest
from django.http.request import UnreadablePostError

from apps.core.errors import Problem

MIB = 1024 * 1024


def raw_body(request: HttpRequest, *, sender: str, most: int) -> bytes:
    """The body as it came, of at most `most` MiB. Raises Problem 413 `too_large`, 400 `unreadable`.

    It is read from the stream, because Django's own limit for request.body is below what some senders need.
    """
    if int(request.META.get("CONTENT_LENGTH") or 0) > most * MIB:
        raise Problem(413, "too_large", f"A webhook of {sender} has at most {most} MiB.")
    try:
        return request.read()
    except UnreadablePostError as error:
        raise Problem(400, "unreadable", "The body could not be read to its end.") from error
