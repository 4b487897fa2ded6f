"""/api/v1/company and /api/v1/security: a company's details, and its rules for everybody who works there."""

from typing import Any
from zoneinfo import available_timezones

from drf_spectacular.utils import OpenApiExample, extend_schema
from phonenumbers import SUPPORTED_REGIONS
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.openapi import problems
from apps.core.shapes import Line
from apps.tenants.access import ADMINS, Access, TenantAPI, tenant_of
from apps.tenants.models import Tenant
from apps.tenants.services_company import tenant_update
from apps.tenants.views.company import PolicyForm

TAGS = ["company"]
READ = problems(401, 403)
WRITE = problems(400, 401, 403)
RULES: Any = PolicyForm.base_fields


def _whole(name: str) -> serializers.IntegerField:
    """A number between the ends that the page allows."""
    return serializers.IntegerField(required=False, min_value=RULES[name].min_value, max_value=RULES[name].max_value)


class CompanyChange(serializers.Serializer[Tenant]):
    """What is left out stays. `country` is ISO 3166 and decides how numbers without a country code are read."""

    name = Line(max_length=120, required=False)
    country = serializers.CharField(max_length=2, required=False)
    timezone = serializers.CharField(max_length=64, required=False)

    def validate_country(self, code: str) -> str:
        if code.upper() not in SUPPORTED_REGIONS:
            raise serializers.ValidationError("Give the two letters of a country, such as DE.")
        return code.upper()

    def validate_timezone(self, name: str) -> str:
        if name not in available_timezones():
            raise serializers.ValidationError("Give a time zone by its IANA name, such as Europe/Berlin.")
        return name


class CompanyShape(CompanyChange):
    """A company. `delete_at` is when everything of it is deleted, where that is planned."""

    slug = serializers.CharField()
    status = serializers.CharField(help_text="active or suspended")
    created_at = serializers.DateTimeField()
    delete_at = serializers.DateTimeField(allow_null=True)


class SecurityChange(serializers.Serializer[Tenant]):
    """What is left out stays. Log-ins end after `session_hours`, and after `idle_minutes` without work where that is not 0."""

    session_hours = _whole("session_hours")
    idle_minutes = _whole("idle_minutes")
    password_length = _whole("password_length")
    mfa_required = serializers.BooleanField(required=False, help_text="Nobody works here without a second factor.")


class SecurityShape(SecurityChange):
    """The rules. `sso_required` is set at /api/v1/single-sign-on/required."""

    sso_required = serializers.BooleanField(help_text="Only owners log in by a password.")


class CompanyView(TenantAPI):
    permission_classes = (Access.of(read=ADMINS, write=ADMINS, scope="company"),)


class CompanyAPI(CompanyView):
    @extend_schema(summary="Read the company's details", operation_id="company", responses={200: CompanyShape, **READ}, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Its name, country and time zone."""
        return Response(CompanyShape(tenant_of(request)).data)

    @extend_schema(
        summary="Change the company's details",
        operation_id="company_change",
        request=CompanyChange,
        responses={200: CompanyShape, **WRITE},
        examples=[OpenApiExample("Moved", {"country": "DE", "timezone": "Europe/Berlin"}, request_only=True)],
        tags=TAGS,
    )
    def patch(self, request: Request) -> Response:
        """Days of lists, charts and limits are days of the time zone from now on."""
        return Response(CompanyShape(_changed(request, CompanyChange)).data)


class SecurityAPI(CompanyView):
    @extend_schema(summary="Read the security rules", operation_id="security", responses={200: SecurityShape, **READ}, tags=TAGS)
    def get(self, request: Request) -> Response:
        """What everybody who works here keeps to."""
        return Response(SecurityShape(tenant_of(request)).data)

    @extend_schema(
        summary="Change the security rules",
        operation_id="security_change",
        request=SecurityChange,
        responses={200: SecurityShape, **WRITE},
        examples=[OpenApiExample("Stricter", {"session_hours": 12, "mfa_required": True}, request_only=True)],
        tags=TAGS,
    )
    def patch(self, request: Request) -> Response:
        """They count at once, for whoever is logged in too; `password_length` for passwords that are set from now on."""
        return Response(SecurityShape(_changed(request, SecurityChange)).data)


def _changed(request: Request, shape: type[serializers.Serializer[Any]]) -> Tenant:
    asked, tenant = shape(data=request.data, partial=True), tenant_of(request)
    asked.is_valid(raise_exception=True)
    if asked.validated_data:
        tenant_update(tenant=tenant, **asked.validated_data)
    return tenant
