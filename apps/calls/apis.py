"""The Call Service's API: a caller's way in, and what agents tell and ask about their call."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from pydantic import ValidationError
from rest_framework import exceptions, serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.calls.agents import AgentUnavailable
from apps.calls.models import Call
from apps.calls.payloads import BATCH, EventBatch
from apps.calls.selectors_transcript import transcript_for_agent
from apps.calls.services.events import events_store
from apps.calls.services.starts import AllBusy, CallDeclined, NoRoom, call_start
from apps.calls.throttles import CallPageThrottle
from apps.core.api import TokenTenantView, in_token_tenant
from apps.core.errors import Problem, fields_of
from apps.core.tokens import DRAFT
from apps.tenants.access import MANAGERS, APIKeyAuthentication, require_scope

MAX_BODY = 2 * 1024 * 1024


class TokenRequest(serializers.Serializer[Any]):
    """Whom to talk to."""

    agent = serializers.CharField(max_length=63, help_text="The agent's slug or id.")
    version = serializers.ChoiceField(
        ["published", "draft"],
        default="published",
        help_text="`draft` to try what is not published yet; for owners, admins and supervisors who are logged in.",
    )
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, help_text="The caller's name, shown in Calls.")


class TokenAnswer(serializers.Serializer[Any]):
    """Connect a LiveKit client to `server_url` with `participant_token`, within two minutes."""

    server_url = serializers.CharField()
    participant_token = serializers.CharField()
    room_name = serializers.CharField()
    call_id = serializers.UUIDField()


class LinesBusy(exceptions.APIException):
    """503 with Retry-After, which DRF reads from `wait`."""

    status_code, default_code = 503, "busy"

    def __init__(self, error: AllBusy) -> None:
        super().__init__(str(error))
        self.wait = error.after


class CallTokenAPI(APIView):
    """POST /api/v1/calls/token: begins a call. Session, API key, or nobody in particular with a rate limit."""

    authentication_classes = (APIKeyAuthentication, SessionAuthentication)
    permission_classes = (AllowAny,)
    throttle_classes = (CallPageThrottle,)

    @extend_schema(request=TokenRequest, responses={201: TokenAnswer}, tags=["calls"])
    def post(self, request: Request) -> Response:
        """Begins a call with an agent and returns the caller's way into its room."""
        require_scope(request, "calls", change=True)
        asked = TokenRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        trial = asked.validated_data["version"] == DRAFT
        if trial:
            _require_manager(request)
        try:
            ticket = call_start(
                agent=asked.validated_data["agent"], name=_caller_name(request, asked.validated_data), trial=trial
            )
        except AgentUnavailable as error:
            raise Problem(404 if error.code == "unknown_agent" else 409, error.code, error.message) from error
        except AllBusy as error:
            raise LinesBusy(error) from error
        except CallDeclined as error:
            raise Problem(409, "spend_limit", str(error)) from error
        except NoRoom as error:
            raise Problem(503, "livekit_unreachable", str(error)) from error
        return Response(asdict(ticket), status=201)


def _require_manager(request: Request) -> None:
    membership = getattr(request, "membership", None)
    if membership is None or membership.role not in MANAGERS:
        raise Problem(
            403, "forbidden", "Drafts are tried by owners, admins and supervisors. Leave `version` out to call the agent."
        )


def _caller_name(request: Request, data: dict[str, Any]) -> str:
    membership = getattr(request, "membership", None)
    return data.get("name") or (str(request.user) if membership is not None else "")


class CallEventsAPI(TokenTenantView):
    """POST /calls/{call_id}/events: a batch of events, idempotent on (source, seq). Late ones of an ended call are welcome."""

    tells_what_was = True

    @extend_schema(
        request=EventBatch,
        responses={200: OpenApiResponse(description='{"accepted": n, "duplicates": m}')},
        tags=["calls"],
    )
    def post(self, request: Request, call_id: UUID) -> Response:
        """Stores what Atlas or Media Bot tells about its call."""
        self.require_call(call_id)
        return self._store(request, call_id)

    @in_token_tenant
    def _store(self, request: Request, call_id: UUID) -> Response:
        batch = _batch(request)
        stored = events_store(call=_call(call_id), events=batch.events)
        return Response({"accepted": stored.accepted, "duplicates": stored.duplicates})


class CallTranscriptAPI(TokenTenantView):
    """GET /calls/{call_id}/transcript: what was said so far, for an Atlas that takes over."""

    @extend_schema(
        responses={200: OpenApiResponse(description='{"call_id", "agent_id", "started_at", "items", "usage"}')}, tags=["calls"]
    )
    def get(self, request: Request, call_id: UUID) -> Response:
        """The transcript so far, and the usage rows of earlier runs."""
        self.require_call(call_id)
        return self._transcript(request, call_id)

    @in_token_tenant
    def _transcript(self, request: Request, call_id: UUID) -> Response:
        return Response(transcript_for_agent(_call(call_id)))


def _call(call_id: UUID) -> Call:
    call = Call.objects.filter(pk=call_id).first()
    if call is None:
        raise Problem(404, "unknown_call", "There is no such call.")
    return call


def _batch(request: Request) -> EventBatch:
    """Read straight from the bytes: this arrives every second from each call."""
    body = request._request.body
    if len(body) > MAX_BODY:
        raise Problem(413, "too_large", "A batch may have at most 2 MiB; send fewer events at a time.")
    try:
        return BATCH.validate_json(body)
    except ValidationError as error:
        detail = "Some events are not as they should be; see errors."
        raise Problem(422, "invalid_events", detail, errors=fields_of(error)) from error
