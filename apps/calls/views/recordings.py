"""What a call's page shows of its recording, and its deletion by hand."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.calls.models import Call, CallEvent, CallRecording, EventType
from apps.calls.selectors_pages import Turn
from apps.calls.services.recordings import recording_delete
from apps.tenants.access import MANAGERS, role_required
from apps.tenants.audit import actor_of

NOT_RECORDED = "not_recorded"


def recording_shown(call: Call, events: Iterable[CallEvent], turns: Iterable[Turn], *, role: str) -> dict[str, Any]:
    """`recording`, `not_recorded` (a sentence) and `may_remove`; each turn learns where it is in the recording."""
    recording = CallRecording.objects.filter(call=call).first()
    if recording is not None and recording.is_ready and recording.started_at is not None:
        for turn in turns:
            turn.play_at = max(0.0, round((turn.at - recording.started_at).total_seconds(), 2))
    told = [event.data.get("message", "") for event in events if _says_so(event)]
    return {"recording": recording, "not_recorded": told[-1] if told else "", "may_remove": role in MANAGERS}


def _says_so(event: CallEvent) -> bool:
    return event.type == EventType.ERROR and event.data.get("code") == NOT_RECORDED


@require_POST
@role_required(*MANAGERS)
def recording_remove(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """Deletes the sound of a call; asked twice it says that it is gone."""
    call = Call.objects.filter(pk=call_id).first()
    if call is None:
        raise Http404
    if recording_delete(call=call, by=actor_of(request)) is None:
        messages.info(request, _("There is no recording of this call any more."))
    else:
        messages.success(request, _("The recording is deleted."))
    return redirect("call", call_id=call.pk)
