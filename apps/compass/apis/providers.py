"""/api/v1/providers and /api/v1/secrets: keys and secrets go in, are checked and deleted, and never come out."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compass.selectors.tools import accounts, secrets_listed
from apps.compass.services.credentials import (
    PROVIDERS,
    credential_check,
    credential_delete,
    credential_set,
    secret_delete,
    secret_set,
)
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import page_shape, page_whole
from apps.tenants.access import ADMINS, Access, TenantAPI

TAGS = ["providers"]
ACCESS = Access.of(read=ADMINS, write=ADMINS, scope="providers")
READ = problems(401, 403, 404)
WRITE = problems(400, 401, 403, 404, 422)


class ProviderShape(serializers.Serializer[Any]):
    """Whose account is used: the company's `own`, else the `platform`'s where that is true. `ending` is of the own key."""

    provider = serializers.CharField()
    own = serializers.BooleanField()
    platform = serializers.BooleanField()
    ending = serializers.CharField()
    base_url = serializers.CharField()
    updated_at = serializers.DateTimeField(allow_null=True)


class ProviderRequest(serializers.Serializer[Any]):
    """The company's own account. `base_url` empty is the provider's own address."""

    api_key = serializers.CharField(max_length=500, write_only=True)
    base_url = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class ProviderVerdictShape(serializers.Serializer[Any]):
    """Whether the account in use works, and a sentence that says what is wrong where it does not."""

    ok = serializers.BooleanField()
    text = serializers.CharField()


class SecretShape(serializers.Serializer[Any]):
    """A secret that headers of tools name as `{secret:NAME}`; its value is not answered."""

    name = serializers.CharField()
    tools = serializers.ListField(child=serializers.CharField(), help_text="The tools that use it.")
    updated_at = serializers.DateTimeField()


class SecretRequest(serializers.Serializer[Any]):
    value = serializers.CharField(max_length=2_000, write_only=True, trim_whitespace=False)


class ProvidersView(TenantAPI):
    permission_classes = (ACCESS,)


class ProvidersAPI(ProvidersView):
    @extend_schema(
        summary="List providers", operation_id="providers_list", responses={200: page_shape(ProviderShape), **READ}, tags=TAGS
    )
    def get(self, request: Request) -> Response:
        """Every provider, and whose account is used there."""
        return page_whole(ProviderShape(accounts(PROVIDERS), many=True).data)


class ProviderAPI(ProvidersView):
    @extend_schema(summary="Read a provider", operation_id="provider", responses={200: ProviderShape, **READ}, tags=TAGS)
    def get(self, request: Request, provider: str) -> Response:
        """Whose account is used at this provider."""
        return _account(provider)

    @extend_schema(summary="Store a provider's key", request=ProviderRequest, responses={200: ProviderShape, **WRITE}, tags=TAGS)
    def put(self, request: Request, provider: str) -> Response:
        """Enters the company's own key, or replaces it. It is encrypted and never answered."""
        _known(provider)
        asked = ProviderRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        credential_set(provider=provider, **asked.validated_data)
        return _account(provider)

    @extend_schema(summary="Delete a provider's key", responses={204: None, **READ}, tags=TAGS)
    def delete(self, request: Request, provider: str) -> Response:
        """Forgets the company's own key; the platform's is used from now on, where there is one."""
        credential_delete(provider=_known(provider))
        return Response(status=204)


class ProviderCheckAPI(ProvidersView):
    @extend_schema(
        summary="Check a provider's key",
        request=None,
        responses={200: ProviderVerdictShape, **problems(401, 403, 404, 422)},
        tags=TAGS,
    )
    def post(self, request: Request, provider: str) -> Response:
        """Really asks the provider; 422 where there is no key to check."""
        return Response(asdict(credential_check(provider=_known(provider))))


class SecretsAPI(ProvidersView):
    @extend_schema(
        summary="List secrets", operation_id="secrets_list", responses={200: page_shape(SecretShape), **READ}, tags=TAGS
    )
    def get(self, request: Request) -> Response:
        """By name, each with the tools that use it."""
        return page_whole(SecretShape(secrets_listed(), many=True).data)


class SecretAPI(ProvidersView):
    @extend_schema(summary="Store a secret", request=SecretRequest, responses={204: None, **WRITE}, tags=TAGS)
    def put(self, request: Request, name: str) -> Response:
        """Enters a secret, or replaces its value. It is encrypted and never answered."""
        asked = SecretRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        secret_set(name=name, value=asked.validated_data["value"])
        return Response(status=204)

    @extend_schema(summary="Delete a secret", responses={204: None, **problems(401, 403, 404, 422)}, tags=TAGS)
    def delete(self, request: Request, name: str) -> Response:
        """422 names the tools that still use it."""
        if name not in {row.name for row in secrets_listed()}:
            raise Problem(404, "not_found", "There is no such secret.")
        secret_delete(name=name)
        return Response(status=204)


def _known(provider: str) -> str:
    if provider not in PROVIDERS:
        raise Problem(404, "not_found", f"There is no such provider; there are {', '.join(PROVIDERS)}.")
    return provider


def _account(provider: str) -> Response:
    [account] = accounts((_known(provider),))
    return Response(ProviderShape(account).data)
