"""What a call's page shows of its recording, and its deletion by hand."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.calls.models import Call, CallEvent
from apps.calls.selectors_pages import Turn
from apps.calls.selectors_recordings import recording_of, why_not_recorded
from apps.calls.services.recordings import recording_delete
from apps.tenants.access import MANAGERS, role_required
from apps.tenants.audit import actor_of


def recording_shown(call: Call, events: Iterable[CallEvent], turns: Iterable[Turn], *, role: str) -> dict[str, Any]:
    """`recording`, `not_recorded` (a sentence) and `may_remove`; each turn learns where it is in the recording."""
    recording = recording_of(call)
    if recording is not None and recording.is_ready and recording.started_at is not None:
        for turn in turns:
            turn.play_at = max(0.0, round((turn.at - recording.started_at).total_seconds(), 2))
    return {"recording": recording, "not_recorded": why_not_recorded(call, recording, events), "may_remove": role in MANAGERS}


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
