"""GET /api/v1/billing/exports: the files of the exports page."""

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.billing.apis.query import DAYS, TAGS, DaysQuery, period_read, query_read
from apps.billing.exports import CSV, PARQUET, SHEETS, TYPES
from apps.billing.views.exports import export_answer
from apps.core.openapi import problems
from apps.tenants.access import MONEY, Access, TenantAPI
from apps.tenants.models import Tenant

WHAT = OpenApiParameter("what", str, enum=list(SHEETS), description="entries unless told; lines and invoices go by their month.")
SHAPE = OpenApiParameter("file", str, enum=[CSV, PARQUET], description="csv unless told.")


class ExportQuery(DaysQuery):
    """What, which days, and as which kind of file."""

    what = serializers.ChoiceField(list(SHEETS), default="entries")
    file = serializers.ChoiceField([CSV, PARQUET], default=CSV)


class ExportsAPI(TenantAPI):
    permission_classes = (Access.of(read=MONEY, write=MONEY, scope="billing"),)

    @extend_schema(
        summary="Download entries, lines or invoices",
        operation_id="billing_export",
        description=(
            "Streamed while it is read, a million rows too. Times are UTC, amounts have six places. In CSV, a text that a "
            "spreadsheet would take for a formula has an apostrophe in front."
        ),
        parameters=[WHAT, SHAPE, *DAYS],
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR),
            (200, TYPES[PARQUET]): OpenApiResponse(OpenApiTypes.BINARY),
            **problems(400, 401, 403),
        },
        tags=TAGS,
    )
    def get(self, request: Request) -> HttpResponseBase:
        tenant: Tenant = request.tenant  # type: ignore[attr-defined]
        values: dict[str, Any] = query_read(request, ExportQuery)
        return export_answer(SHEETS[values["what"]], tenant, period_read(tenant, values), values["file"])
