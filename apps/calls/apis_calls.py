"""/api/v1/calls: the calls of a company, and one of them with what was said, what was measured and what it cost."""

from datetime import date
from typing import Any
from uuid import UUID

from django.core.validators import MaxValueValidator
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.selectors import call_cost
from apps.calls.forms import LAST_DAY, LIVE
from apps.calls.models import Call, CallEvent, CallRecording, Channel, EventType, State
from apps.calls.selectors_pages import TRIAL, Turn, call_listed, call_turns, calls_listed
from apps.calls.selectors_recordings import recording_of, why_not_recorded
from apps.calls.views.rights import COSTS, WORDS
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.tenants.access import EVERYONE, Access, TenantAPI, is_key
from apps.tenants.models import Tenant

TAGS = ["calls"]
STATES, CHANNELS = [LIVE, *State.values], [*Channel.values, TRIAL]
FILTERS = [
    OpenApiParameter("state", str, enum=STATES, description=f"`{LIVE}` are all that have not ended."),
    OpenApiParameter("channel", str, enum=CHANNELS, description=f"Calls to a draft are listed for `{TRIAL}` only."),
    OpenApiParameter("agent", str, description="The agent's slug."),
    OpenApiParameter("q", str, description="A part of a number, or of the caller's name."),
    OpenApiParameter("since", date, description="First day, in the company's time zone."),
    OpenApiParameter("until", date, description="Last day, included."),
]


class CallsQuery(serializers.Serializer[Any]):
    """Which calls."""

    state = serializers.ChoiceField(STATES, required=False, allow_blank=True)
    channel = serializers.ChoiceField(CHANNELS, required=False, allow_blank=True)
    agent = serializers.CharField(max_length=63, required=False, allow_blank=True)
    q = serializers.CharField(max_length=64, required=False, allow_blank=True)
    since = serializers.DateField(required=False, validators=[MaxValueValidator(LAST_DAY)])
    until = serializers.DateField(required=False, validators=[MaxValueValidator(LAST_DAY)])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        since, until = attrs.get("since"), attrs.get("until")
        if since and until and since > until:
            raise serializers.ValidationError({"until": "lies before since; swap the two"})
        return {name: value for name, value in attrs.items() if value}


class CallShape(serializers.Serializer[Call]):
    """A call. `duration` in seconds since the caller was there, until now while it runs."""

    id = serializers.UUIDField()
    direction = serializers.CharField()
    channel = serializers.CharField(help_text="webrtc or sip")
    state = serializers.CharField(help_text="ringing, in_progress, transferring, completed, failed or missed")
    ended_reason = serializers.CharField(help_text="Empty while it runs.")
    detail = serializers.CharField(help_text="A sentence that says why it ended as it did; mostly empty.")
    agent_id = serializers.UUIDField(allow_null=True)
    agent = serializers.CharField(source="agent_slug")
    agent_name = serializers.CharField()
    team = serializers.CharField()
    language = serializers.CharField()
    trial = serializers.BooleanField()
    from_number = serializers.CharField()
    to_number = serializers.CharField()
    caller_name = serializers.CharField()
    started_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    duration = serializers.SerializerMethodField()

    def get_duration(self, call: Call) -> float:
        return round(call.duration, 3)


class SaidShape(serializers.Serializer[Any]):
    """Something that one side said. `sentiment` from -1 to 1; `latency` is how long the caller waited for it, in seconds."""

    speaker = serializers.CharField(help_text="caller or agent")
    text = serializers.CharField()
    at = serializers.DateTimeField()
    interrupted = serializers.BooleanField()
    sentiment = serializers.FloatField(allow_null=True)
    latency = serializers.FloatField(allow_null=True)


class CallToolShape(serializers.Serializer[Any]):
    """A tool that the agent used; `duration` in seconds."""

    name = serializers.CharField()
    at = serializers.DateTimeField()
    ok = serializers.BooleanField()
    duration = serializers.FloatField()
    error = serializers.CharField(allow_null=True)


class CallCostShape(serializers.Serializer[Any]):
    """What it costs. A part, and with it `total`, is null while something in it has no price; `unpriced` names that."""

    total = serializers.CharField(allow_null=True)
    total_known = serializers.CharField()
    currency = serializers.CharField()
    parts = serializers.DictField(child=serializers.CharField(allow_null=True))
    unpriced = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))


class CallRecordingShape(serializers.Serializer[CallRecording]):
    """A call's recording. `url` is where to hear it, null unless it is ready; `seconds` is how long it plays, `size` in bytes."""

    state = serializers.ChoiceField(CallRecording.State.values)
    url = serializers.SerializerMethodField()
    started_at = serializers.DateTimeField(allow_null=True, help_text="What its first second is of.")
    seconds = serializers.FloatField()
    size = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When it is deleted by itself.")
    deleted_at = serializers.DateTimeField(allow_null=True)
    deleted_by = serializers.CharField(help_text="Empty where its days were over.")

    def get_url(self, recording: CallRecording) -> str | None:
        path = reverse("api-call-recording", args=[recording.call_id])
        return self.context["request"].build_absolute_uri(path) if recording.is_ready else None


class CallWholeShape(CallShape):
    """A call with what is behind it. `said`, `tools` and `recording` are null for who may not read words, `cost` for who may not
    see money, and while it is not billed. `recording` is null, too, where the call was not recorded; where it
    was to be, `not_recorded` says why.
    """

    said = SaidShape(many=True, allow_null=True)
    tools = CallToolShape(many=True, allow_null=True)
    recording = CallRecordingShape(allow_null=True)
    not_recorded = serializers.CharField(
        allow_null=True,
        help_text="A sentence where a call of an agent that records was not recorded, or not to its end; else empty.",
    )
    cost = CallCostShape(allow_null=True)


class CallsAPI(TenantAPI):
    permission_classes = (Access.of(read=EVERYONE, write=(), scope="calls"),)

    @extend_schema(
        summary="List calls",
        operation_id="calls_list",
        description="The newest first, those that run included.",
        parameters=[*PAGING, *FILTERS],
        responses={200: page_shape(CallShape), **problems(400, 401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        asked = CallsQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        tenant: Tenant = request.tenant  # type: ignore[attr-defined]
        return page_answer(
            request, calls_listed(asked.validated_data, tenant.timezone), CallShape, ordering=("-started_at", "-id")
        )


class CallAPI(TenantAPI):
    permission_classes = (Access.of(read=EVERYONE, write=(), scope="calls"),)

    @extend_schema(
        summary="Read a call",
        operation_id="call",
        description="With what was said and the tools that were used, and what it costs: for a key with `billing:read` too.",
        responses={200: CallWholeShape, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request, call_id: UUID) -> Response:
        call = call_listed(call_id)
        if call is None:
            raise Problem(404, "not_found", "There is no such call.")
        words, costs = _rights(request)
        events = list(call.events.order_by("at", "seq")) if words else []
        cost = call_cost(request.tenant, call.pk) if costs else None  # type: ignore[attr-defined]
        behind = {
            "said": [_said(turn) for turn in call_turns(call, events)] if words else None,
            "tools": [_tool(event) for event in events if event.type == EventType.TOOL] if words else None,
            **_recorded(request, call, events, words=words),
            "cost": CallCostShape(cost.told()).data if cost else None,
        }
        return Response({**CallShape(call).data, **behind})


def _rights(request: Request) -> tuple[bool, bool]:
    """Whether words, and money, may be read."""
    if is_key(request):
        return True, request.auth.may("billing", change=False)  # type: ignore[union-attr]
    role = request.membership.role  # type: ignore[attr-defined]
    return role in WORDS, role in COSTS


def _recorded(request: Request, call: Call, events: list[CallEvent], *, words: bool) -> dict[str, Any]:
    if not words:
        return {"recording": None, "not_recorded": None}
    found = recording_of(call)
    shape = CallRecordingShape(found, context={"request": request}).data if found else None
    return {"recording": shape, "not_recorded": why_not_recorded(call, found, events)}


def _said(turn: Turn) -> dict[str, Any]:
    return SaidShape(
        {
            "speaker": turn.speaker,
            "text": turn.text,
            "at": turn.at,
            "interrupted": turn.interrupted,
            "sentiment": turn.score,
            "latency": turn.latency.get("e2e"),
        }
    ).data


def _tool(event: CallEvent) -> dict[str, Any]:
    return CallToolShape({"error": None, **event.data, "at": event.at}).data
