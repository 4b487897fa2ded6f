"""A call's recording: Media Bot brings it in parts, and whoever may read what was said may hear it."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponseBase
from django.utils import timezone
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.calls.models import Call, CallRecording
from apps.calls.services.recordings import PART_BYTES, recording_delete, recording_heard, recording_part_store
from apps.calls.tasks_recordings import recording_close_task
from apps.calls.views.rights import WORDS
from apps.core.api import TokenTenantView, in_token_tenant
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.ranged import file_answer
from apps.tenants.access import MANAGERS, Access, TenantAPI
from apps.tenants.audit import actor_of

TAGS = ["calls"]
MIME = "audio/ogg"


class PartQuery(serializers.Serializer[Any]):
    """Which part it is."""

    run = serializers.IntegerField(min_value=1, max_value=1000, help_text="The attempt of the dispatch that records.")
    part = serializers.IntegerField(min_value=0, max_value=100_000, help_text="From 0, for each run.")
    started_at = serializers.DateTimeField(help_text="When the run's first sample was.")
    last = serializers.BooleanField(default=False, help_text="Nothing comes after it in this run.")


class CallRecordingPartAPI(TokenTenantView):
    """PUT /calls/{call_id}/recording: a part, idempotent on (run, part), in any order. Late ones of an ended call are welcome."""

    tells_what_was = True

    @extend_schema(
        operation_id="call_recording_part",
        parameters=[PartQuery],
        request={MIME: OpenApiTypes.BINARY},
        responses={200: OpenApiResponse(description='{"stored": true}; false where it was here already')},
        tags=TAGS,
    )
    def put(self, request: Request, call_id: UUID) -> Response:
        """Stores whole pages of an Ogg/Opus stream, the caller left and the agent right."""
        self.require_call(call_id)
        return self._store(request, call_id)

    @in_token_tenant
    def _store(self, request: Request, call_id: UUID) -> Response:
        told = PartQuery(data=request.query_params)
        told.is_valid(raise_exception=True)
        call = Call.objects.filter(pk=call_id).first()
        if call is None:
            raise Problem(404, "unknown_call", "There is no such call.")
        values = dict(told.validated_data)
        stored = recording_part_store(call=call, number=values.pop("part"), data=_body(request), **values)
        if values["last"] and call.ended_at is not None:
            recording_close_task.delay_on_commit(str(CallRecording.objects.values_list("pk", flat=True).get(call=call)))
        return Response({"stored": stored})


def _body(request: Request) -> bytes:
    if int(request.META.get("CONTENT_LENGTH") or 0) > PART_BYTES:
        raise Problem(413, "too_large", f"A part may have at most {PART_BYTES} bytes; send shorter ones.")
    return request._request.body


class CallRecordingAPI(TenantAPI):
    permission_classes = (Access.of(read=tuple(WORDS), write=MANAGERS, scope="calls"),)

    @extend_schema(
        summary="Hear a call",
        operation_id="call_recording",
        description="Ogg/Opus in stereo: the caller left, the agent right. `Range` is served. Who played or took it is in the "
        "audit log. 404 where nothing was recorded, or it is deleted.",
        parameters=[OpenApiParameter("download", bool, description="Answers it as a file to keep.")],
        responses={(200, MIME): OpenApiTypes.BINARY, (206, MIME): OpenApiTypes.BINARY, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request, call_id: UUID) -> HttpResponseBase:
        recording = _ready(call_id)
        download = "download" in request.query_params
        try:
            answer = file_answer(recording.file, request.headers.get("Range", ""))
        except Http404:
            raise Problem(404, "recording_gone", "The file of this recording is not in the storage any more.") from None
        answer["Content-Type"] = MIME
        answer["Content-Disposition"] = content_disposition_header(download, recording_name(recording)) or "inline"
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "private, max-age=3600"
        recording_heard(recording=recording, by=actor_of(request), download=download)
        return answer

    @extend_schema(
        summary="Delete a call's recording",
        operation_id="call_recording_delete",
        description="The sound is deleted at once; that it was, when and by whom stays with the call.",
        responses={204: None, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def delete(self, request: Request, call_id: UUID) -> Response:
        recording_delete(call=_ready(call_id).call, by=actor_of(request))
        return Response(status=204)


def _ready(call_id: UUID) -> CallRecording:
    found = CallRecording.objects.select_related("call").filter(call=call_id).first()
    if found is None or not found.is_ready:
        raise Problem(404, "no_recording", _why_not(found))
    return found


def _why_not(recording: CallRecording | None) -> str:
    if recording is not None and recording.state == CallRecording.State.RECORDING:
        return "This call's recording is not put together yet; it is a minute after its end."
    if recording is not None and recording.state == CallRecording.State.DELETED:
        return f"This call's recording was deleted on {recording.deleted_at:%Y-%m-%d}."
    return "There is no such call, or it was not recorded."


def recording_name(recording: CallRecording) -> str:
    return f"call-{timezone.localtime(recording.started_at):%Y-%m-%d-%H%M}.ogg"
