"""/api/v1/keys: API keys are listed, made and revoked. None grants more than whoever makes it has."""

from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.tenants.access import ADMINS, Access, TenantAPI, person_of, tenant_of
from apps.tenants.keys import BeyondMaker, api_key_create, api_key_revoke, api_keys_of, areas_of
from apps.tenants.models_keys import SCOPES, TenantApiKey

TAGS = ["keys"]
READ = problems(401, 403, 404)
WRITE = problems(400, 401, 403, 409, 422)
WISH = {"name": "Web shop", "scopes": ["calls:read", "conversations:write"], "expires_at": "2027-01-01T00:00:00Z"}


class KeyRequest(serializers.Serializer[Any]):
    """A program's name, and what it may do; `write` takes in `read`. Without `expires_at` it ends with its maker, or never."""

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES), min_length=1, max_length=len(SCOPES))
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class KeyShape(serializers.Serializer[TenantApiKey]):
    """A key that is not revoked. A person made it (`created_by`), or a program with a key (`made_by_key`, its id)."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="What its text begins with, up to the dot.")
    scopes = serializers.ListField(child=serializers.CharField())
    created_by = serializers.EmailField(source="created_by.email", default=None, allow_null=True)
    made_by_key = serializers.UUIDField(source="made_by_key_id", allow_null=True)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class RevokeQuery(serializers.Serializer[Any]):
    """How a key is revoked."""

    revoke_made = serializers.BooleanField(default=False, help_text="The keys that it made, too, and those that they made.")


class KeyMadeShape(KeyShape):
    """A key with its text, which is answered only now."""

    key = serializers.CharField()


class KeysView(TenantAPI):
    permission_classes = (Access.of(read=ADMINS, write=ADMINS, scope="keys"),)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, BeyondMaker):
            exc = Problem(403, "beyond_maker", str(exc))
        return super().handle_exception(exc)


class KeysAPI(KeysView):
    @extend_schema(
        summary="List API keys", operation_id="keys_list", parameters=PAGING, tags=TAGS,
        responses={200: page_shape(KeyShape), **READ},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Those that are not revoked, the newest first."""
        return page_answer(request, api_keys_of(tenant_of(request)), KeyShape)

    @extend_schema(
        summary="Make an API key",
        operation_id="keys_make",
        description=(
            "403 `beyond_maker` for a scope that the maker lacks: a key makes none that may do more, or that lives longer, than "
            "itself; only owners make keys for `domains`, `sso` and `deletion`."
        ),
        request=KeyRequest,
        responses={201: KeyMadeShape, **WRITE},
        examples=[OpenApiExample("A web shop's", WISH, request_only=True)],
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        asked = KeyRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        key, text = api_key_create(
            tenant=tenant_of(request),
            name=given["name"],
            scopes=given["scopes"],
            created_by=person_of(request),
            made_by=request.auth if isinstance(request.auth, TenantApiKey) else None,
            expires_at=_end(request, given["expires_at"]),
            within=_held(request),
        )
        return Response({**KeyShape(key).data, "key": text}, status=201)


class KeyAPI(KeysView):
    @extend_schema(summary="Read an API key", operation_id="keys_get", responses={200: KeyShape, **READ}, tags=TAGS)
    def get(self, request: Request, key_id: UUID) -> Response:
        """One key, without its text."""
        return Response(KeyShape(_key(request, key_id)).data)

    @extend_schema(
        summary="Revoke an API key", operation_id="keys_revoke", parameters=[RevokeQuery], tags=TAGS,
        responses={204: None, **problems(400, 401, 403, 404)},
    )  # fmt: skip
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Programs that use it are refused from now on. The keys that it made work on, unless `revoke_made` is true."""
        asked = RevokeQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        api_key_revoke(key=_key(request, key_id), made=asked.validated_data["revoke_made"])
        return Response(status=204)


def _held(request: Request) -> list[str]:
    """The scopes of whoever asks."""
    if isinstance(request.auth, TenantApiKey):
        return list(request.auth.scopes)
    return [f"{area}:write" for area in areas_of(request.membership.role)]  # type: ignore[attr-defined]


def _end(request: Request, wanted: datetime | None) -> datetime | None:
    """Raises BeyondMaker for a key that would outlive the one that makes it."""
    until = request.auth.expires_at if isinstance(request.auth, TenantApiKey) else None
    if until is not None and wanted is not None and wanted > until:
        raise BeyondMaker(f"This key ends at {until:%Y-%m-%d %H:%M} UTC, so what it makes ends by then. Ask for an earlier end.")
    return wanted or until


def _key(request: Request, key_id: UUID) -> TenantApiKey:
    found = api_keys_of(tenant_of(request)).filter(pk=key_id).first()
    if found is None:
        raise Problem(404, "unknown_key", "There is no such key, or it was revoked.")
    return found
