"""How an action of a page answers: a toast, perhaps with an undo, and word that the page should fetch itself again."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


def acted(request: HttpRequest, text: str, *, back: str, undo: str = "", failed: bool = False) -> HttpResponse:
    """`undo` is the address that the toast's button posts to. Without htmx the person is sent to the page named `back`."""
    if not request.htmx:  # type: ignore[attr-defined]
        messages.add_message(request, messages.ERROR if failed else messages.SUCCESS, text)
        return redirect(back)
    events = {"changed": {}, "toast": {"text": text, "undo": undo, "failed": failed}}
    return HttpResponse(status=422 if failed else 204, headers={"HX-Trigger": json.dumps(events)})
