"""/api/v1/single-sign-on: the company's provider. Its secret goes in and never comes out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.shapes import Line
from apps.tenants.access import Access, TenantAPI, is_key, tenant_of
from apps.tenants.models import Role, SingleSignOn
from apps.tenants.models_sso import NEW_ROLES
from apps.tenants.services_sso import SsoSettingError, sso_check, sso_remove, sso_require, sso_set
from apps.tenants.views.sso import callbacks_of

TAGS = ["single-sign-on"]
READ = problems(401, 403, 404)
WRITE = problems(400, 401, 403, 422)
OWNERS = (Role.OWNER,)
WISH = {
    "label": "Okta",
    "issuer": "https://login.example.com",
    "client_id": "meridian",
    "client_secret": "…",
    "domains": ["example.com"],
    "new_role": "agent",
}


class SingleSignOnRequest(serializers.Serializer[Any]):
    """The provider. `client_secret` left out keeps the stored one; with `new_role` people come in who were not invited."""

    label = Line(max_length=40)  # type: ignore[assignment]
    issuer = Line(max_length=300, help_text="The address before /.well-known/openid-configuration.")
    client_id = Line(max_length=255)
    client_secret = serializers.CharField(max_length=500, required=False, allow_blank=True, default="", write_only=True)
    domains = serializers.ListField(child=Line(max_length=253), min_length=1, max_length=100)
    new_role = serializers.ChoiceField(NEW_ROLES, required=False, allow_blank=True, default="")


class SingleSignOnShape(serializers.Serializer[Any]):
    """The provider, without its secret. The log-in page offers it once `checked_at` is there.

    `callbacks` are the addresses that it has to know; `required` means that only owners log in by a password.
    """

    label = serializers.CharField()  # type: ignore[assignment]
    issuer = serializers.CharField()
    client_id = serializers.CharField()
    domains = serializers.ListField(child=serializers.CharField())
    new_role = serializers.CharField()
    checked_at = serializers.DateTimeField(allow_null=True)
    required = serializers.BooleanField()  # type: ignore[assignment]
    callbacks = serializers.ListField(child=serializers.CharField())


class SingleSignOnVerdictShape(serializers.Serializer[Any]):
    """Whether the provider is right, and a sentence that says what is wrong where it is not."""

    ok = serializers.BooleanField()
    text = serializers.CharField()


class RequiredRequest(serializers.Serializer[Any]):
    required = serializers.BooleanField()  # type: ignore[assignment]


class SingleSignOnView(TenantAPI):
    permission_classes = (Access.of(read=OWNERS, write=OWNERS, scope="sso"),)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, SsoSettingError):
            exc = Problem(422, "invalid", "Some fields are not right; see errors.", errors={exc.field: [str(exc)]})
        return super().handle_exception(exc)


class SingleSignOnAPI(SingleSignOnView):
    @extend_schema(summary="Read the single sign-on", operation_id="sso", responses={200: SingleSignOnShape, **READ}, tags=TAGS)
    def get(self, request: Request) -> Response:
        """404 where there is none."""
        return _answer(request, _row(request))

    @extend_schema(
        summary="Set the single sign-on",
        operation_id="sso_set",
        request=SingleSignOnRequest,
        responses={200: SingleSignOnShape, **WRITE},
        examples=[OpenApiExample("A provider", WISH, request_only=True)],
        tags=TAGS,
    )
    def put(self, request: Request) -> Response:
        """Stores it. Nobody logs in by a new issuer, client or secret before POST …/check has found it right."""
        asked = SingleSignOnRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        return _answer(request, sso_set(tenant=tenant_of(request), **asked.validated_data))

    @extend_schema(summary="Remove the single sign-on", operation_id="sso_remove", responses={204: None, **READ}, tags=TAGS)
    def delete(self, request: Request) -> Response:
        """People log in by password again."""
        _row(request)
        sso_remove(tenant=tenant_of(request))
        return Response(status=204)


class CheckAPI(SingleSignOnView):
    @extend_schema(
        summary="Check the single sign-on",
        operation_id="sso_check",
        request=None,
        responses={200: SingleSignOnVerdictShape, **READ},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        """Really asks the provider; from then on the log-in page offers it."""
        problem = sso_check(sso=_row(request))
        return Response({"ok": not problem, "text": problem or "The provider answers as it should. The log-in page offers it."})


class RequiredAPI(SingleSignOnView):
    @extend_schema(
        summary="Say whether only single sign-on opens the company",
        operation_id="sso_required",
        request=RequiredRequest,
        responses={200: SingleSignOnShape, **WRITE, **problems(404)},
        tags=TAGS,
    )
    def put(self, request: Request) -> Response:
        """Owners keep their password. Only a logged-in owner switches it on, so that nobody is locked out: a key gets 403."""
        asked = RequiredRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted, row = asked.validated_data["required"], _row(request)
        if wanted and is_key(request):
            raise Problem(403, "person_needed", "Only an owner who is logged in switches this on, so that nobody is locked out.")
        sso_require(tenant=tenant_of(request), by=request.user, required=wanted)  # type: ignore[arg-type]
        return _answer(request, row)


def _row(request: Request) -> SingleSignOn:
    row = SingleSignOn.objects.select_related("tenant").filter(tenant=tenant_of(request)).first()
    if row is None:
        raise Problem(404, "no_sso", "There is no single sign-on here. Set one with PUT.")
    return row


def _answer(request: Request, row: SingleSignOn) -> Response:
    fields = ("label", "issuer", "client_id", "domains", "new_role", "checked_at")
    stands = {name: getattr(row, name) for name in fields}
    more = {"required": tenant_of(request).sso_required, "callbacks": callbacks_of(request._request)}
    return Response(SingleSignOnShape({**stands, **more}).data)
