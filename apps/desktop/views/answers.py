"""How an action answers: nothing but a toast, and word that the page should fetch itself again."""

import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format

from apps.desktop.errors import DeskError

View = Callable[..., HttpResponse]


def done(
    request: HttpRequest, text: str = "", *, undo: str = "", href: str = "", status: int = 204, at: datetime | None = None
) -> HttpResponse:
    """`text` becomes a toast, `undo` the address its button posts to, `href` where its link leads.

    Without htmx the person is sent back to the page.

    `{at}` in the text is the time `at`: written by the browser in the person's zone, without htmx in the company's.
    """
    if not request.htmx:  # type: ignore[attr-defined]
        if text:
            text = text.replace("{at}", _company_time(request, at)) if at else text
            messages.add_message(request, messages.INFO if status < 400 else messages.ERROR, text)
        return redirect(request.headers.get("Referer") or "desktop")
    events: dict[str, Any] = {"changed": {}}
    if text:
        events["toast"] = {"text": text, "undo": undo, "failed": status >= 400, **({"href": href} if href else {})}
        if at:
            events["toast"]["at"] = at.isoformat()
    return HttpResponse(status=status, headers={"HX-Trigger": json.dumps(events)})


def _company_time(request: HttpRequest, at: datetime) -> str:
    return date_format(at.astimezone(ZoneInfo(request.tenant.timezone)), "j M, H:i")  # type: ignore[attr-defined]


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
