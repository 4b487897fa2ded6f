"""/api/v1/company and /api/v1/security: a company's details, and its rules for everybody who works there."""

from typing import Any
from zoneinfo import available_timezones

from drf_spectacular.utils import OpenApiExample, extend_schema
from phonenumbers import SUPPORTED_REGIONS
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.shapes import Line
from apps.tenants.access import ADMINS, Access, TenantAPI, person_of, tenant_of
from apps.tenants.models import Role, Tenant
from apps.tenants.services_company import deletion_plan, deletion_undo, tenant_update
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


class DeletionRequest(serializers.Serializer[Any]):
    """The company's name, so that nobody plans this by mistake."""

    name = Line(max_length=120)


class DeletionShape(serializers.Serializer[Any]):
    """`delete_at` is when everything of the company is deleted; null where nothing is planned."""

    delete_at = serializers.DateTimeField(allow_null=True)


class DeletionPlannedShape(DeletionShape):
    """A deletion that is planned; `export_id` is the export that is made before it, at /api/v1/exports."""

    export_id = serializers.UUIDField()


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


class DeletionAPI(TenantAPI):
    permission_classes = (Access.of(read=(Role.OWNER,), write=(Role.OWNER,), scope="deletion"),)

    @extend_schema(
        summary="Read whether the company is to be deleted", operation_id="company_deletion", tags=TAGS,
        responses={200: DeletionShape, **READ},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """When, if at all."""
        return Response(DeletionShape(tenant_of(request)).data)

    @extend_schema(
        summary="Plan the company's deletion",
        operation_id="company_deletion_plan",
        description=(
            "Everything is deleted in 30 days; it goes on working until then, and it can be undone. An export of everything is "
            "made first, and kept as long. 422 `name_differs` where `name` is not the company's; 409 `deletion_planned` where it "
            "is planned already."
        ),
        request=DeletionRequest,
        responses={201: DeletionPlannedShape, **WRITE, **problems(409, 422)},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        asked, tenant = DeletionRequest(data=request.data), tenant_of(request)
        asked.is_valid(raise_exception=True)
        if asked.validated_data["name"] != tenant.name:
            raise Problem(422, "name_differs", f"Give the company's name as it is: “{tenant.name}”.")
        if tenant.delete_at is not None:
            raise Problem(409, "deletion_planned", f"Everything is deleted on {tenant.delete_at:%Y-%m-%d} already.")
        export = deletion_plan(tenant=tenant, by=person_of(request))
        return Response(DeletionPlannedShape({"delete_at": tenant.delete_at, "export_id": export.pk}).data, status=201)

    @extend_schema(
        summary="Undo the planning of the company's deletion", operation_id="company_deletion_undo", tags=TAGS,
        responses={204: None, **READ},
    )  # fmt: skip
    def delete(self, request: Request) -> Response:
        """Nothing is deleted after all. The export stays for its time."""
        deletion_undo(tenant=tenant_of(request))
        return Response(status=204)


def _changed(request: Request, shape: type[serializers.Serializer[Any]]) -> Tenant:
    asked, tenant = shape(data=request.data, partial=True), tenant_of(request)
    asked.is_valid(raise_exception=True)
    if asked.validated_data:
        tenant_update(tenant=tenant, **asked.validated_data)
    return tenant
