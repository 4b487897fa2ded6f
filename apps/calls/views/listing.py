"""The calls list: filters, order and page are in the address; rows refetch themselves when a hint says so."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.billing.selectors import call_costs
from apps.calls.forms import CallFilterForm
from apps.calls.models import Call
from apps.calls.selectors_pages import call_listed, calls_listed
from apps.calls.views.rights import rights
from apps.compass.selectors import agents_all
from apps.core.currencies import sums_of
from apps.core.tables import Column, Total, headings
from apps.core.templatetags.ui import clock, moneys
from apps.tenants.access import role_required

PAGE_SIZE = 25
COLUMNS = (
    Column(_("Caller")),
    Column(_("Agent"), "agent"),
    Column(_("Channel")),
    Column(_("State")),
    Column(_("Started"), "started"),
    Column(_("Duration"), "duration", numeric=True),
)
COST_COLUMN = Column(_("Cost"), numeric=True)


@require_GET
@role_required()
def calls(request: HttpRequest) -> HttpResponse:
    """The list, or only its table when htmx asks for it."""
    form = CallFilterForm(request.GET, agents=agents_all().values_list("slug", "name"))
    found = calls_listed(form.values, request.tenant.timezone)  # type: ignore[attr-defined]
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    allowed = rights(request)
    table = _table(request, page, form.values.get("sort", "-started"), may_costs=allowed["may_costs"])
    context = {"section": "calls", "form": form, "page": page, "agents": agents_all(), **allowed, **table}
    template = "calls/list_table.html" if request.htmx else "calls/list.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@require_GET
@role_required()
def call_row(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """One row of the list, for a row that has heard a hint."""
    call = call_listed(call_id)
    if call is None:
        raise Http404
    allowed = rights(request)
    _price([call], request, allowed["may_costs"])
    return render(request, "calls/row.html", {"call": call, **allowed})


def _table(request: HttpRequest, page: "Page[Call]", sort: str, *, may_costs: bool) -> dict[str, Any]:
    rows = list(page.object_list)
    _price(rows, request, may_costs)
    columns = [*COLUMNS, COST_COLUMN] if may_costs else list(COLUMNS)
    return {"rows": rows, "columns": headings(columns, sort=sort, query=request.GET), "totals": _totals(rows, may_costs)}


def _price(rows: Sequence[Call], request: HttpRequest, may_costs: bool) -> None:
    """Puts `.cost` on the rows: a CostBreakdown, or None where there is none yet."""
    costs = call_costs(request.tenant, [call.pk for call in rows]) if may_costs else {}  # type: ignore[attr-defined]
    for call in rows:
        call.cost = costs.get(call.pk)  # type: ignore[attr-defined]


def _totals(rows: Sequence[Call], may_costs: bool) -> list[Total]:
    if len(rows) < 2:
        return []
    lasted = sum((call.lasted for call in rows), timedelta())  # type: ignore[attr-defined]
    cells = [Total(_("This page"))] + [Total()] * (len(COLUMNS) - 2)
    cells.append(Total(clock(lasted.total_seconds()), _("Duration"), numeric=True))
    return [*cells, _cost_total(rows)] if may_costs else cells


def _cost_total(rows: Sequence[Call]) -> Total:
    costs = [call.cost for call in rows if call.cost]  # type: ignore[attr-defined]
    return Total(moneys(sums_of((cost.currency, cost.total_known) for cost in costs)), _("Cost"), numeric=True)
