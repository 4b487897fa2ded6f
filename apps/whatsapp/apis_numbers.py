"""/api/v1/whatsapp/numbers: WhatsApp numbers, who answers them, and when."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.core.shapes import Line, business_hours_field, number_values
from apps.tenants.access import ADMINS, MANAGERS, Access, TenantAPI
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.services.claims import number_claim
from apps.whatsapp.services.numbers import NumberMapped, mapping_delete, mapping_set

TAGS = ["numbers"]
READ = problems(401, 403, 404)
WRITE = problems(400, 401, 403, 404, 409, 422)
OUT = AgentPhoneMapping.OutOfHours
PLAIN = (
    *("waba_id", "display_number", "label", "agent_id", "team", "business_hours"),
    *("out_of_hours", "out_of_hours_agent_id", "out_of_hours_text", "enabled"),
)


class WhatsAppNumberChange(serializers.Serializer[Any]):
    """What is left out stays. An AI agent answers, with the team behind it, or the team alone."""

    waba_id = Line(max_length=64, required=False, allow_blank=True, default="", help_text="Needed for message templates.")
    display_number = Line(max_length=32, required=False, allow_blank=True, default="")
    label = Line(max_length=120, required=False, allow_blank=True, default="")  # type: ignore[assignment]
    agent_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    team = Line(max_length=63, required=False, allow_blank=True, default="")
    business_hours = business_hours_field()
    timezone = Line(max_length=64, required=False, allow_blank=True, default="", help_text="Empty: the company's.")
    out_of_hours = serializers.ChoiceField(OUT.choices, required=False, default=OUT.SAME)
    out_of_hours_agent_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    out_of_hours_text = serializers.CharField(max_length=1024, required=False, allow_blank=True, default="")
    enabled = serializers.BooleanField(required=False, default=True)
    access_token = Line(max_length=1000, required=False, write_only=True, help_text="Kept encrypted and never answered.")


class WhatsAppNumberRequest(WhatsAppNumberChange):
    """A number by Meta's own id of it, and who answers it."""

    phone_number_id = Line(max_length=64)
    access_token = Line(
        max_length=1000,
        required=False,
        write_only=True,
        help_text="Of a system user at Meta who may use the number: it shows that it is yours. Kept encrypted, never answered.",
    )


class WhatsAppNumberShape(WhatsAppNumberChange):
    """A WhatsApp number as it is. Without a token of its own it uses the installation's."""

    id = serializers.UUIDField()
    phone_number_id = serializers.CharField()
    has_access_token = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_has_access_token(self, mapping: AgentPhoneMapping) -> bool:
        return bool(mapping.access_token)


class WhatsAppNumbersView(TenantAPI):
    permission_classes = (Access.of(read=MANAGERS, write=ADMINS, scope="numbers"),)


class WhatsAppNumbersAPI(WhatsAppNumbersView):
    @extend_schema(
        summary="List WhatsApp numbers", operation_id="whatsapp_numbers_list", parameters=PAGING, tags=TAGS,
        responses={200: page_shape(WhatsAppNumberShape), **READ},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Every WhatsApp number, the newest first."""
        return page_answer(request, AgentPhoneMapping.objects.all(), WhatsAppNumberShape)

    @extend_schema(
        summary="Add a WhatsApp number", request=WhatsAppNumberRequest, responses={201: WhatsAppNumberShape, **WRITE}, tags=TAGS
    )
    def post(self, request: Request) -> Response:
        """Maps a number that the access token can see at Meta; what was sent to it in the last seven days is taken up."""
        given = number_values(WhatsAppNumberRequest, request)
        try:
            mapping = number_claim(**{"access_token": None, **given})
        except NumberMapped as error:
            raise Problem(409, "number_exists", str(error)) from error
        return Response(WhatsAppNumberShape(mapping).data, status=201)


class WhatsAppNumberAPI(WhatsAppNumbersView):
    @extend_schema(summary="Read a WhatsApp number", responses={200: WhatsAppNumberShape, **READ}, tags=TAGS)
    def get(self, request: Request, mapping_id: UUID) -> Response:
        """One number, without its access token."""
        return Response(WhatsAppNumberShape(_mapping(mapping_id)).data)

    @extend_schema(
        summary="Change a WhatsApp number", request=WhatsAppNumberChange, responses={200: WhatsAppNumberShape, **WRITE}, tags=TAGS
    )
    def patch(self, request: Request, mapping_id: UUID) -> Response:
        """Changes who answers, and when. Its id at Meta stays."""
        mapping = _mapping(mapping_id)
        kept = {name: getattr(mapping, name) for name in PLAIN} | {"timezone_name": mapping.timezone}
        given = {**kept, **number_values(WhatsAppNumberChange, request, partial=True)}
        return Response(WhatsAppNumberShape(mapping_set(phone_number_id=mapping.phone_number_id, **given)).data)

    @extend_schema(summary="Delete a WhatsApp number", responses={204: None, **READ}, tags=TAGS)
    def delete(self, request: Request, mapping_id: UUID) -> Response:
        """Nobody here answers it any more; its conversations stay."""
        mapping_delete(mapping=_mapping(mapping_id))
        return Response(status=204)


def _mapping(mapping_id: UUID) -> AgentPhoneMapping:
    mapping = AgentPhoneMapping.objects.filter(pk=mapping_id).first()
    if mapping is None:
        raise Problem(404, "unknown_number", "There is no such number.")
    return mapping
