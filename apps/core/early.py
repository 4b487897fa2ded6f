"""Addresses that are answered before the middleware stack: operators' probes, and programs that bring a signature or a token."""

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpRequest, HttpResponse

from apps.core.health import alive, metrics, ready
from apps.core.schema import schema_leave

Respond = Callable[[HttpRequest], HttpResponse]
_views: dict[str, Respond] = {"/healthz": alive, "/readyz": ready, "/metrics": metrics}


def early_register(path: str, view: Respond) -> None:
    """Called from ready() of the app whose webhook it is. The view checks its caller itself and needs no session."""
    _views[path] = view


def early_api_register(path: str, view: Callable[[HttpRequest], Any]) -> None:
    """As early_register, for an API view that takes a token: the stack around it would cost three times the view."""

    def respond(request: HttpRequest) -> HttpResponse:
        answer = view(request)
        return cast(HttpResponse, answer.render())

    early_register(path, respond)


class EarlyMiddleware:
    """A probe by IP address needs no tenant, and sessions, languages and headers for browsers are nothing to a webhook."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = _views.get(request.path_info)
        if view is None:
            return self.get_response(request)
        schema_leave()
        answer = view(request)
        answer.headers.setdefault("Content-Length", str(len(answer.content)))
        return answer
