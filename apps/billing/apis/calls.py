"""POST /billing/calls: an agent reports what its call used."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.payloads import BilledCall, CallReport
from apps.billing.selectors import breakdown_of
from apps.billing.services import BillResult, ReportConflict, ReportInvalid, call_bill, report_check
from apps.core.api import TokenTenantView
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug


class BillingCallsView(TokenTenantView):
    tells_what_was = True

    @extend_schema(
        summary="Report a finished call",
        description=(
            "Bills a call once. 201 when it is billed now, 200 for the same content again, 409 `report_conflict` for "
            "different content, which is kept for finance and charges nothing. Durations are in seconds; `total` is null "
            "while something used has no price, and `unpriced` names it."
        ),
        request=CallReport,
        responses={200: BilledCall, 201: BilledCall, **problems(400, 401, 403, 409, 422)},
        tags=["billing"],
    )
    def post(self, request: Request) -> Response:
        report = self._report(request)
        try:
            result = call_bill(tenant=self._tenant(), call_id=report.call_id, report=report)
        except ReportConflict as error:
            raise Problem(409, "report_conflict", str(error), billed=_body(BillResult(error.entry, False))) from error
        return Response(_body(result), status=201 if result.created else 200)

    def _report(self, request: Request) -> CallReport:
        """Whose call it is comes first, so that a stranger learns nothing from what is wrong with a report."""
        body = request.data
        if not isinstance(body, Mapping):
            raise _invalid([{"field": "report", "message": "the body has to be a JSON object"}])
        if "call_id" in body:
            self.require_call(body["call_id"])
        if "agent_id" in body:
            self.require_agent(body["agent_id"])
        try:
            return report_check(body)
        except ReportInvalid as error:
            raise _invalid(error.errors) from error

    def _tenant(self) -> Tenant:
        tenant = tenant_by_slug(self.token.tenant)
        if tenant is None:
            raise Problem(403, "unknown_tenant", "The company of this token is no longer here, so nothing can be billed to it.")
        return tenant


def _invalid(errors: list[dict[str, str]]) -> Problem:
    return Problem(
        422, "invalid_report", "The report cannot be billed; errors names each field and what is wrong with it.", errors=errors
    )


def _body(result: BillResult) -> dict[str, Any]:
    cost = breakdown_of(result.entry)
    told = cost.told()
    return {
        "id": str(result.entry.pk),
        "call_id": str(cost.call_id),
        "created": result.created,
        "cost": told.pop("parts"),
        **told,
        "price_book": cost.price_book,
    }
