"""The error pages, for people as a page and for programs as problem+json."""

from collections.abc import Callable

from django.conf import settings
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from structlog.contextvars import get_contextvars

from apps.core.errors import problem_response, wants_json

SENTENCES = {
    400: ("bad_request", "This request could not be read. Go back and try again."),
    403: ("forbidden", "Your role may not see this. Ask an admin of your company if you need it."),
    404: ("not_found", "There is nothing at this address. It may have moved, or it belongs to another company."),
    500: ("server_error", "Something broke on our side, and it has been noted. Try again in a minute."),
}

NUL = "The address or a field holds a character that no text can hold (NUL). Take it out and try again."
UNKNOWN_HOST = "No company uses this address. Check how it is spelled, or log in and we take you to yours."


def _page(request: HttpRequest, status: int, words: str = "") -> HttpResponse:
    code, sentence = SENTENCES[status]
    sentence = words or sentence
    if wants_json(request):
        return problem_response(status, code, sentence)
    context = {"sentence": sentence, "reference": get_contextvars().get("request_id", "")}
    return render(request, f"errors/{status}.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """On a host that is no company's there is no page to go to, so the platform's own is named."""
    if hasattr(request, "tenant"):
        return _page(request, 404)
    if wants_json(request):
        return problem_response(404, "not_found", UNKNOWN_HOST)
    context = {"sentence": UNKNOWN_HOST, "platform": settings.PUBLIC_URL}
    return render(request, "errors/no_company.html", context, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """With the number by which the log's lines about it are found."""
    return _page(request, 500)


class NulMiddleware:
    """A NUL that nothing looked for is the caller's mistake: Postgres keeps it in no text and, as an escape, in no JSON."""

    refusals = ("cannot contain NUL", "unsupported Unicode escape sequence")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        refused = isinstance(error, DataError) and any(words in str(error) for words in self.refusals)
        return _page(request, 400, NUL) if refused else None
