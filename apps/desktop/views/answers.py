"""How an action answers: nothing but a toast, and word that the page should fetch itself again."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.desktop.errors import DeskError

View = Callable[..., HttpResponse]


def done(request: HttpRequest, text: str = "", *, undo: str = "", status: int = 204) -> HttpResponse:
    """`text` becomes a toast, `undo` the address its button posts to. Without htmx the person is sent back to the page."""
    if not request.htmx:  # type: ignore[attr-defined]
        if text:
            messages.add_message(request, messages.INFO if status < 400 else messages.ERROR, text)
        return redirect(request.headers.get("Referer") or "desktop")
    events: dict[str, Any] = {"changed": {}}
    if text:
        events["toast"] = {"text": text, "undo": undo, "failed": status >= 400}
    return HttpResponse(status=status, headers={"HX-Trigger": json.dumps(events)})


def told(view: View) -> View:
    """Turns what a service refuses into its sentence; what is not there at all is a 404."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DeskError as error:
            if error.status == 404:
                raise Http404(str(error)) from error
            return done(request, str(error), status=error.status)
        except ValidationError as error:
            return done(request, " ".join(error.messages), status=422)

    return guarded


def errors_of(form: BaseForm) -> str:
    """All that is wrong with a form, as one text."""
    return " ".join(str(error) for errors in form.errors.values() for error in errors)
