"""/api/v1/domains: a company's host names, asked for, proven, chosen as the first, removed."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import page_shape, page_whole
from apps.core.shapes import Line
from apps.tenants.access import Access, TenantAPI, tenant_of
from apps.tenants.models import CustomDomain, Role
from apps.tenants.selectors_domains import HostName, host_names
from apps.tenants.services_domains import (
    domain_add,
    domain_check,
    domain_make_primary,
    domain_remove,
    platform_host,
)

TAGS = ["domains"]
READ = problems(401, 403)
WRITE = problems(400, 401, 403, 422)
OWNERS = (Role.OWNER,)
RECORDS = [
    {"type": "TXT", "name": "_meridian.service.example.com", "value": "meridian-domain=kq3…"},
    {"type": "CNAME", "name": "service.example.com", "value": "acme.meridian.example"},
]
NAME = {
    "id": "0198c0de-0000-7000-8000-000000000001",
    "domain": "service.example.com",
    "is_primary": False,
    "is_served": False,
    "records": RECORDS,
    "verified_at": None,
    "serves_until": None,
}


class DomainRequest(serializers.Serializer[Any]):
    """A host name such as service.example.com, without https:// and path."""

    domain = Line(max_length=253)


class RecordShape(serializers.Serializer[Any]):
    """What to publish in DNS."""

    type = serializers.CharField()
    name = serializers.CharField()
    value = serializers.CharField()


class DomainShape(serializers.Serializer[Any]):
    """A host name. Links lead to the one that `is_primary`. `id` is null for the platform's own, which cannot be removed.

    `serves_until` is when a name is let go of whose TXT record went missing.
    """

    id = serializers.UUIDField(source="custom.pk", default=None, allow_null=True)
    domain = serializers.CharField()
    is_primary = serializers.BooleanField()
    is_served = serializers.BooleanField()
    records = serializers.SerializerMethodField()
    verified_at = serializers.DateTimeField(source="custom.verified_at", default=None, allow_null=True)
    serves_until = serializers.DateTimeField(source="custom.serves_until", default=None, allow_null=True)

    def get_records(self, row: HostName) -> RecordShape(many=True):  # type: ignore[valid-type]
        custom = row.custom
        if custom is None:
            return []
        proof = {"type": "TXT", "name": custom.record_name, "value": custom.record_value}
        return [proof, {"type": "CNAME", "name": custom.domain, "value": platform_host(custom.tenant)}]


class DomainCheckShape(DomainShape):
    """A host name that is the company's. `leads_here` is false while its CNAME record leads elsewhere."""

    leads_here = serializers.BooleanField()


PAGE = page_shape(DomainShape)


class DomainsView(TenantAPI):
    permission_classes = (Access.of(read=OWNERS, write=OWNERS, scope="domains"),)


class DomainsAPI(DomainsView):
    @extend_schema(summary="List host names", operation_id="domains_list", responses={200: PAGE, **READ}, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Those that serve the company first. All on one page: there are 20 at most."""
        return page_whole(DomainShape(host_names(tenant_of(request)), many=True).data)

    @extend_schema(
        summary="Ask for a host name",
        operation_id="domains_add",
        request=DomainRequest,
        responses={201: DomainShape, **WRITE},
        examples=[OpenApiExample("Asked for", NAME, response_only=True, status_codes=["201"])],
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        """It serves nothing before its `records` are published and checked."""
        custom = domain_add(tenant=tenant_of(request), domain=_asked(request))
        return Response(DomainShape(HostName(custom.domain, False, custom)).data, status=201)


class DomainAPI(DomainsView):
    @extend_schema(
        summary="Read a host name", operation_id="domains_get", responses={200: DomainShape, **READ, **problems(404)}, tags=TAGS
    )
    def get(self, request: Request, domain_id: UUID) -> Response:
        """One that the company asked for."""
        return Response(DomainShape(_row(_custom(request, domain_id))).data)

    @extend_schema(
        summary="Remove a host name", operation_id="domains_remove", responses={204: None, **READ, **problems(404)}, tags=TAGS
    )
    def delete(self, request: Request, domain_id: UUID) -> Response:
        """It serves nothing any more; where links led there, they lead to the platform's own again."""
        domain_remove(custom=_custom(request, domain_id))
        return Response(status=204)


class DomainCheckAPI(DomainsView):
    @extend_schema(
        summary="Check a host name",
        operation_id="domains_check",
        request=None,
        responses={200: DomainCheckShape, **problems(401, 403, 404, 422)},
        tags=TAGS,
    )
    def post(self, request: Request, domain_id: UUID) -> Response:
        """Really asks DNS; once it is proven it serves the company. 422 says which record is missing."""
        custom = _custom(request, domain_id)
        leads_here = domain_check(custom=custom)
        return Response({**DomainShape(_row(custom)).data, "leads_here": leads_here})


class PrimaryDomainAPI(DomainsView):
    @extend_schema(
        summary="Choose where links lead",
        operation_id="domains_primary",
        request=DomainRequest,
        responses={200: PAGE, **WRITE},
        tags=TAGS,
    )
    def put(self, request: Request) -> Response:
        """One that serves the company already, the platform's own included."""
        domain_make_primary(tenant=tenant_of(request), domain=_asked(request))
        return page_whole(DomainShape(host_names(tenant_of(request)), many=True).data)


def _asked(request: Request) -> str:
    asked = DomainRequest(data=request.data)
    asked.is_valid(raise_exception=True)
    return str(asked.validated_data["domain"])


def _custom(request: Request, domain_id: UUID) -> CustomDomain:
    found = CustomDomain.objects.select_related("tenant").filter(pk=domain_id, tenant=tenant_of(request)).first()
    if found is None:
        raise Problem(404, "unknown_domain", "There is no such host name here.")
    return found


def _row(custom: CustomDomain) -> HostName:
    return next(row for row in host_names(custom.tenant) if row.custom and row.custom.pk == custom.pk)
