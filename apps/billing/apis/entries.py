"""GET /api/v1/billing/entries."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.apis.query import AGENT, CHANNEL, DAYS, TAGS, EntriesQuery, period_read, query_read
from apps.billing.models import InvoiceLine, LedgerEntry, Part, SourceType
from apps.billing.selectors.entries import EntryFilters, entries_listed, entry_of
from apps.billing.selectors.spend import Narrowed
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.tenants.access import MONEY, Access, TenantAPI
from apps.tenants.models import Tenant

FILTERS = [
    OpenApiParameter("source_type", str, enum=SourceType.values),
    OpenApiParameter("source_id", str, description="Of a call, an answer or a message; whatever the days."),
    OpenApiParameter("component", str, enum=Part.values, description="Only entries that it costs something in."),
    OpenApiParameter("unpriced", bool, description="Only entries in which something has no price."),
    OpenApiParameter("line", OpenApiTypes.UUID, description="A line of an invoice: what is behind it, whatever the days."),
]


class LedgerEntryShape(serializers.ModelSerializer[LedgerEntry]):
    """What one thing used and cost. A correction has a `revision` above 0 and holds the difference only.

    A part, and with it `total`, is null while something in it has no price; `total_known` is what is charged so far.
    """

    invoice_id = serializers.SerializerMethodField(help_text="The invoice that it is on, or null.")
    price_book = serializers.IntegerField(source="price_book.version", allow_null=True, default=None)

    class Meta:
        model = LedgerEntry
        fields = (
            "id", "source_type", "source_id", "revision", "corrects_id", "call_id", "conversation_id", "agent_id", "channel",
            "started_at", "ended_at", "duration", *Part.values, "total", "total_known", "currency", "unpriced", "lines",
            "price_book", "source", "reason", "invoice_id", "created_at",
        )  # fmt: skip

    def get_invoice_id(self, entry: LedgerEntry) -> UUID | None:
        return entry.invoiced.invoice_id if hasattr(entry, "invoiced") else None


class EntriesAPI(TenantAPI):
    permission_classes = (Access.of(read=MONEY, write=MONEY, scope="billing"),)

    @extend_schema(
        summary="List ledger entries",
        operation_id="billing_entries_list",
        description="The newest first. What was used, what it cost and by which price book, with every line.",
        parameters=[*PAGING, *DAYS, CHANNEL, AGENT, *FILTERS],
        responses={200: page_shape(LedgerEntryShape), **problems(400, 401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        tenant: Tenant = request.tenant  # type: ignore[attr-defined]
        found = entries_listed(tenant, _filters(tenant, query_read(request, EntriesQuery)))
        rows = found.select_related("price_book", "invoiced")
        return page_answer(request, rows, LedgerEntryShape, ordering=("-started_at", "-id"))


class EntryAPI(TenantAPI):
    permission_classes = (Access.of(read=MONEY, write=MONEY, scope="billing"),)

    @extend_schema(
        summary="Read a ledger entry",
        operation_id="billing_entry",
        responses={200: LedgerEntryShape, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request, entry_id: UUID) -> Response:
        entry = entry_of(request.tenant, entry_id)  # type: ignore[attr-defined]
        if entry is None:
            raise Problem(404, "not_found", "There is no such ledger entry.")
        return Response(LedgerEntryShape(entry).data)


def _filters(tenant: Tenant, values: dict[str, Any]) -> EntryFilters:
    line = values.get("line")
    if line and not InvoiceLine.objects.filter(pk=line, invoice__tenant=tenant).exists():
        raise Problem(404, "not_found", "There is no such line on your invoices.")
    narrowed = Narrowed(source_type=values["source_type"], channel=values["channel"], agent_id=values.get("agent_id"))
    period = None if line or values["source_id"] else period_read(tenant, values)
    return EntryFilters(
        starts=period.starts if period else None,
        ends=period.ends if period else None,
        narrowed=narrowed,
        component=values["component"],
        unpriced=values["unpriced"],
        line=line,
        source_id=values["source_id"],
    )
