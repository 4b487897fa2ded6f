"""Errors that say where they are raised whether trying again can help, and how an API tells them."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import Http404, HttpRequest, JsonResponse
from pydantic import ValidationError as PydanticError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

PROBLEM_TYPE = "application/problem+json"


class MeridianError(Exception):
    """The base of every error that Meridian raises on purpose; its text is fit for a person."""


class TransientError(MeridianError):
    """The same call may succeed later; `after` seconds is the least wait that makes sense."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class PermanentError(MeridianError):
    """Trying again cannot help; a person has to change something first."""


class Ignored(MeridianError):
    """The event is understood and asks for nothing; the reason is kept with it."""


class Problem(MeridianError):
    """An error answer of an API: status, a stable code, a title, and a sentence that says what to do."""

    def __init__(self, status: int, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.extra = status, code, detail, extra

    def body(self) -> dict[str, Any]:
        """The RFC 9457 document."""
        return problem_body(self.status, self.code, self.detail, **self.extra)


def problem_body(status: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    """An RFC 9457 document with the fields of contracts.md: type, title, status, detail, code."""
    title = HTTPStatus(status).phrase
    return {"type": f"urn:meridian:{code}", "title": title, "status": status, "detail": detail, "code": code, **extra}


def problem_response(status: int, code: str, detail: str, **extra: Any) -> JsonResponse:
    """A problem answer for plain Django views, such as webhooks."""
    return JsonResponse(problem_body(status, code, detail, **extra), status=status, content_type=PROBLEM_TYPE)


def fields_of(error: PydanticError) -> list[dict[str, str]]:
    """What pydantic found wrong, as the `errors` of a problem: the field by its path (`body` for the whole) and the message."""
    return [{"field": ".".join(map(str, item["loc"])) or "body", "message": item["msg"]} for item in error.errors()]


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every error leaves as problem+json, and none as a stack trace."""
    if isinstance(error, Problem):
        return _response(error.body(), {})
    if isinstance(error, ModelValidationError):
        error = exceptions.ValidationError(error.message_dict if hasattr(error, "error_dict") else error.messages)
    answer = exception_handler(error, context)
    if answer is None:
        return None
    code, detail, extra = _describe(error, answer.data)
    headers = {name: answer[name] for name in ("WWW-Authenticate", "Retry-After") if answer.has_header(name)}
    return _response(problem_body(answer.status_code, code, detail, **extra), headers)


def _response(body: dict[str, Any], headers: dict[str, str]) -> Response:
    answer = Response(body, status=body["status"], headers=headers)
    answer.content_type = PROBLEM_TYPE
    return answer


def _describe(error: Exception, data: Any) -> tuple[str, str, dict[str, Any]]:
    if isinstance(error, exceptions.ValidationError):
        return "invalid", "Some fields are not right; see errors.", {"errors": data}
    if isinstance(error, Http404):
        return "not_found", "There is nothing at this address.", {}
    if isinstance(error, PermissionDenied):
        return "forbidden", str(error) or "You may not do this.", {}
    detail = data.get("detail", "") if isinstance(data, dict) else data
    return getattr(detail, "code", "error"), str(detail), {}


def wants_json(request: HttpRequest) -> bool:
    """True where the caller is a program rather than a browser."""
    return request.path.startswith("/api/") or not request.accepts("text/html")
