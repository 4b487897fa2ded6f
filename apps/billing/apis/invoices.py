"""GET /api/v1/billing/invoices, one of them, and its lines."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.apis.query import TAGS
from apps.billing.models import CreditNote, Invoice, InvoiceLine
from apps.billing.standings import due_of, problem_told, standing_of
from apps.billing.upcoming import Upcoming, upcoming_invoices
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.tenants.access import MONEY, Access, TenantAPI
from apps.tenants.models import Tenant


class CreditNoteShape(serializers.ModelSerializer[CreditNote]):
    class Meta:
        model = CreditNote
        fields = ("id", "number", "amount", "reason", "line_id", "after_payment", "pdf_url", "created_at", "voided_at")


class InvoiceShape(serializers.ModelSerializer[Invoice]):
    """`subtotal` is without credits and tax, `total` what it came to, `due` what is left to pay. A draft may still change."""

    due = serializers.SerializerMethodField(help_text="A decimal string.")
    standing = serializers.SerializerMethodField(help_text="A sentence: what happens next.")
    problem = serializers.SerializerMethodField(help_text="A sentence: why sending or collecting it failed; empty where not.")
    credit_notes = CreditNoteShape(many=True, read_only=True)

    class Meta:
        model = Invoice
        fields = (
            "id", "number", "stripe_number", "month", "period_start", "period_end", "state", "currency", "subtotal", "credits",
            "tax", "total", "paid", "credited", "balance", "due", "due_at", "finalized_at", "paid_at", "voided_at", "disputed_at",
            "hosted_url", "pdf_url", "problem", "standing", "credit_notes", "created_at", "updated_at",
        )  # fmt: skip
        extra_kwargs = {"state": {"help_text": "draft, open, paid, uncollectible or void."}}

    def get_due(self, invoice: Invoice) -> str:
        return f"{due_of(invoice):.6f}"

    def get_problem(self, invoice: Invoice) -> str:
        return problem_told(invoice.problem)

    def get_standing(self, invoice: Invoice) -> str:
        return standing_of(invoice).next


class InvoiceLineShape(serializers.ModelSerializer[InvoiceLine]):
    """`exact` is what the ledger or the plan says, `amount` the same after the invoice's rounding. List what is behind a line of
    usage with GET /api/v1/billing/entries?line=<id>."""

    details = serializers.JSONField(help_text="How it was computed; amounts as decimal strings.")

    class Meta:
        model = InvoiceLine
        fields = (
            "id", "position", "kind", "description", "source_type", "agent_id", "channel", "quantity", "unit", "entries",
            "exact", "amount", "details",
        )  # fmt: skip


class InvoicesAPI(TenantAPI):
    permission_classes = (Access.of(read=MONEY, write=MONEY, scope="billing"),)

    @extend_schema(
        summary="List invoices",
        operation_id="billing_invoices_list",
        description="The newest month first, drafts too.",
        parameters=PAGING,
        responses={200: page_shape(InvoiceShape), **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        tenant: Tenant = request.tenant  # type: ignore[attr-defined]
        rows = Invoice.objects.filter(tenant=tenant).prefetch_related("credit_notes", "transfers")
        return page_answer(request, rows, InvoiceShape, ordering=("-month", "-id"))


class UpcomingAmounts(serializers.Serializer[Upcoming]):
    """Decimal strings. `fees` are the whole month's; `included`, `volume` and `credits` are 0 or below."""

    month = serializers.DateField()
    currency = serializers.CharField(help_text="ISO 4217.")
    fees = serializers.DecimalField(18, 6)
    usage = serializers.DecimalField(18, 6)
    late = serializers.DecimalField(18, 6, help_text="What was used before the month and is on no invoice.")
    included = serializers.DecimalField(18, 6)
    volume = serializers.DecimalField(18, 6)
    credits = serializers.DecimalField(18, 6)
    total = serializers.DecimalField(18, 6, help_text="To be paid if nothing more were used, before tax.")
    carried = serializers.DecimalField(18, 6, help_text="What is below 0, and is carried over.")


class UpcomingShape(UpcomingAmounts):
    """The invoice in the company's own currency, with those in others, such as of usage before the currency was changed."""

    others = UpcomingAmounts(many=True, help_text="One for each other currency; empty for most.")


class UpcomingAPI(TenantAPI):
    permission_classes = (Access.of(read=MONEY, write=MONEY, scope="billing"),)

    @extend_schema(
        summary="Read what the next invoice comes to so far",
        operation_id="billing_invoice_upcoming",
        description="Worked out anew each time, by the rules of the invoice; nothing is kept.",
        responses={200: UpcomingShape, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        own, *others = upcoming_invoices(request.tenant)  # type: ignore[attr-defined]
        found = {**UpcomingAmounts(own).data, "others": [UpcomingAmounts(one).data for one in others]}
        return Response(found)


class InvoiceAPI(TenantAPI):
    permission_classes = (Access.of(read=MONEY, write=MONEY, scope="billing"),)

    @extend_schema(
        summary="Read an invoice",
        operation_id="billing_invoice",
        responses={200: InvoiceShape, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request, invoice_id: UUID) -> Response:
        return Response(InvoiceShape(_invoice(request, invoice_id)).data)


class InvoiceLinesAPI(TenantAPI):
    permission_classes = (Access.of(read=MONEY, write=MONEY, scope="billing"),)

    @extend_schema(
        summary="List an invoice's lines",
        operation_id="billing_invoice_lines_list",
        parameters=PAGING,
        responses={200: page_shape(InvoiceLineShape), **problems(401, 403, 404)},
        tags=TAGS,
    )
    def get(self, request: Request, invoice_id: UUID) -> Response:
        lines = _invoice(request, invoice_id).lines.all()
        return page_answer(request, lines, InvoiceLineShape, ordering=("position", "id"))


def _invoice(request: Request, invoice_id: UUID) -> Invoice:
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    found: Any = Invoice.objects.filter(tenant=tenant, pk=invoice_id).prefetch_related("credit_notes").first()
    if found is None:
        raise Problem(404, "not_found", "There is no such invoice.")
    return found  # type: ignore[no-any-return]
