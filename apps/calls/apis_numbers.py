"""/api/v1/numbers and /api/v1/trunks."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.calls.models import PhoneNumber, SipTrunk
from apps.calls.services.numbers import number_delete, number_set
from apps.calls.services.trunk_setup import trunk_check, trunk_setup
from apps.calls.services.trunks import sip_trunk_change, sip_trunk_delete, sip_trunk_password_renew
from apps.core.errors import Problem, TransientError
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.core.shapes import Line, business_hours_field, number_values
from apps.tenants.access import ADMINS, MANAGERS, Access, TenantAPI

TAGS = ["numbers"]
READ = problems(401, 403, 404)
WRITE = problems(400, 401, 403, 404, 409, 422)
OUT = PhoneNumber.OutOfHours


class NumberRequest(serializers.Serializer[Any]):
    """A phone number or extension, and the agent or the team that answers it."""

    number = Line(max_length=64)
    agent_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    team = Line(max_length=63, required=False, allow_blank=True, default="")
    label = Line(max_length=120, required=False, allow_blank=True, default="")  # type: ignore[assignment]
    ringback = serializers.ChoiceField(PhoneNumber.Ringback.choices, required=False, default=PhoneNumber.Ringback.ANSWER)
    tone = Line(max_length=2, required=False, allow_blank=True, default="")
    business_hours = business_hours_field()
    timezone = Line(max_length=64, required=False, allow_blank=True, default="")
    out_of_hours = serializers.ChoiceField(OUT.choices, required=False, default=OUT.SAME)
    out_of_hours_agent_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    out_of_hours_text = Line(max_length=500, required=False, allow_blank=True, default="")
    enabled = serializers.BooleanField(required=False, default=True)


class NumberChange(NumberRequest):
    """What is left out stays."""

    number = None  # type: ignore[assignment]


class NumberShape(NumberRequest):
    """A phone number as it is."""

    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()


class TrunkRequest(serializers.Serializer[Any]):
    """A SIP trunk by the exchange's addresses, or by a user name, for which a password is made."""

    name = Line(max_length=120)
    numbers = serializers.ListField(child=Line(max_length=64), min_length=1, max_length=200)
    allowed_addresses = serializers.ListField(child=Line(max_length=253), required=False, default=list, max_length=50)
    username = Line(max_length=120, required=False, allow_blank=True, default="")
    agent_id = serializers.UUIDField(required=False, allow_null=True, default=None)


class TrunkChange(serializers.Serializer[Any]):
    """What is left out stays; its user name and password always do (see its `password`)."""

    name = Line(max_length=120, required=False)
    numbers = serializers.ListField(child=Line(max_length=64), min_length=1, max_length=200, required=False)
    allowed_addresses = serializers.ListField(child=Line(max_length=253), max_length=50, required=False)


class TrunkShape(serializers.Serializer[SipTrunk]):
    """A trunk. `trunk_id` and `rule_id` are LiveKit's."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    trunk_id = serializers.CharField()
    rule_id = serializers.CharField()
    numbers = serializers.ListField(child=serializers.CharField())
    allowed_addresses = serializers.ListField(child=serializers.CharField())
    username = serializers.CharField(source="auth_user")
    created_at = serializers.DateTimeField()


class TrunkMadeShape(TrunkShape):
    """A trunk with its password, which is answered only now; empty where addresses let callers in."""

    password = serializers.CharField()


class TrunkPasswordShape(serializers.Serializer[Any]):
    """A trunk's new password, which is answered only now."""

    password = serializers.CharField()


class FindingShape(serializers.Serializer[Any]):
    """One thing that was looked at. `state` is good, bad or open; `next` says what to do, `at` when a call came through."""

    state = serializers.CharField()
    title = serializers.CharField()
    next = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class TrunkCheckShape(serializers.Serializer[Any]):
    """How a trunk is connected. `ok` is false while something is bad."""

    ok = serializers.BooleanField()
    findings = FindingShape(many=True)


class NumbersView(TenantAPI):
    permission_classes = (Access.of(read=MANAGERS, write=ADMINS, scope="numbers"),)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, TransientError):
            exc = Problem(503, "livekit_unreachable", str(exc))
        return super().handle_exception(exc)


class NumbersAPI(NumbersView):
    @extend_schema(
        summary="List phone numbers", operation_id="numbers_list", parameters=PAGING, tags=TAGS,
        responses={200: page_shape(NumberShape), **READ},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Every phone number, the newest first."""
        return page_answer(request, PhoneNumber.objects.all(), NumberShape)

    @extend_schema(summary="Add a phone number", request=NumberRequest, responses={201: NumberShape, **WRITE}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Maps a number, or maps it anew where it is known."""
        return Response(NumberShape(number_set(**number_values(NumberRequest, request))).data, status=201)


class NumberAPI(NumbersView):
    @extend_schema(summary="Read a phone number", responses={200: NumberShape, **READ}, tags=TAGS)
    def get(self, request: Request, number_id: UUID) -> Response:
        """One number."""
        return Response(NumberShape(_number(number_id)).data)

    @extend_schema(summary="Change a phone number", request=NumberChange, responses={200: NumberShape, **WRITE}, tags=TAGS)
    def patch(self, request: Request, number_id: UUID) -> Response:
        """Changes who answers, how and when."""
        number = _number(number_id)
        kept = {**NumberShape(number).data, "timezone_name": number.timezone}
        for name in ("id", "created_at", "timezone"):
            kept.pop(name)
        return Response(NumberShape(number_set(**{**kept, **number_values(NumberChange, request, partial=True)})).data)

    @extend_schema(summary="Delete a phone number", responses={204: None, **READ}, tags=TAGS)
    def delete(self, request: Request, number_id: UUID) -> Response:
        """Callers of it then hear that it is not in service."""
        number_delete(number=_number(number_id))
        return Response(status=204)


class TrunksAPI(NumbersView):
    @extend_schema(
        summary="List SIP trunks", operation_id="trunks_list", parameters=PAGING, tags=TAGS,
        responses={200: page_shape(TrunkShape), **READ},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Every trunk, the newest first."""
        return page_answer(request, SipTrunk.objects.all(), TrunkShape)

    @extend_schema(
        summary="Make a SIP trunk", request=TrunkRequest, tags=TAGS, responses={201: TrunkMadeShape, **WRITE, **problems(503)}
    )
    def post(self, request: Request) -> Response:
        """Makes the trunk and its dispatch rule in LiveKit, and maps its numbers where `agent_id` is given."""
        asked = TrunkRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given = dict(asked.validated_data)
        trunk, password = trunk_setup(addresses=given.pop("allowed_addresses"), **given)
        return Response({**TrunkShape(trunk).data, "password": password}, status=201)


class TrunkAPI(NumbersView):
    @extend_schema(summary="Read a SIP trunk", responses={200: TrunkShape, **READ}, tags=TAGS)
    def get(self, request: Request, trunk_id: UUID) -> Response:
        """One trunk, without its password."""
        return Response(TrunkShape(_trunk(trunk_id)).data)

    @extend_schema(
        summary="Change a SIP trunk",
        operation_id="trunks_change",
        request=TrunkChange,
        responses={200: TrunkShape, **WRITE, **problems(503)},
        examples=[OpenApiExample("Another exchange", {"allowed_addresses": ["203.0.113.8"]}, request_only=True)],
        tags=TAGS,
    )
    def patch(self, request: Request, trunk_id: UUID) -> Response:
        """Changes it here and in LiveKit. Calls that run go on. New `numbers` need somebody who answers: see numbers."""
        trunk, asked = _trunk(trunk_id), TrunkChange(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(TrunkShape(sip_trunk_change(trunk=trunk, **asked.validated_data)).data)

    @extend_schema(summary="Delete a SIP trunk", responses={204: None, **READ, **problems(503)}, tags=TAGS)
    def delete(self, request: Request, trunk_id: UUID) -> Response:
        """Deletes it here and in LiveKit; its numbers stay."""
        sip_trunk_delete(trunk=_trunk(trunk_id))
        return Response(status=204)


class TrunkPasswordAPI(NumbersView):
    @extend_schema(
        summary="Make a new password for a SIP trunk",
        operation_id="trunks_password",
        request=None,
        responses={200: TrunkPasswordShape, **WRITE, **problems(503)},
        tags=TAGS,
    )
    def post(self, request: Request, trunk_id: UUID) -> Response:
        """The old one lets no call in from now on; calls that run go on. 422 where addresses let callers in, and no password."""
        return Response({"password": sip_trunk_password_renew(trunk=_trunk(trunk_id))})


class TrunkCheckAPI(NumbersView):
    @extend_schema(summary="Check a SIP trunk", operation_id="trunks_check", responses={200: TrunkCheckShape, **READ}, tags=TAGS)
    def get(self, request: Request, trunk_id: UUID) -> Response:
        """Really asks LiveKit, and looks at numbers and calls; takes some seconds at most."""
        findings = trunk_check(_trunk(trunk_id))
        bad = any(finding.state == "bad" for finding in findings)
        return Response(TrunkCheckShape({"ok": not bad, "findings": [asdict(one) for one in findings]}).data)


def _number(number_id: UUID) -> PhoneNumber:
    number = PhoneNumber.objects.filter(pk=number_id).first()
    if number is None:
        raise Problem(404, "unknown_number", "There is no such number.")
    return number


def _trunk(trunk_id: UUID) -> SipTrunk:
    trunk = SipTrunk.objects.filter(pk=trunk_id).first()
    if trunk is None:
        raise Problem(404, "unknown_trunk", "There is no such trunk.")
    return trunk
