"""Exports: choose what and which days, and the file comes at once, streamed."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.billing.exports import CSV, PARQUET, SHEETS, TYPES, Sheet, export_name, export_stream
from apps.billing.forms_spend import PeriodForm
from apps.billing.periods import Period
from apps.billing.selectors.spend import Narrowed, spend_total
from apps.tenants.access import MONEY, role_required
from apps.tenants.models import Tenant

WHAT = [
    ("entries", _("Usage: one row for each call, answer and message")),
    ("lines", _("Lines of invoices")),
    ("invoices", _("Invoices")),
]
SHAPES = [(CSV, _("CSV, for spreadsheets")), (PARQUET, _("Parquet, for data tools"))]


class ExportForm(PeriodForm):
    """What, which days, and as which kind of file."""

    what = forms.ChoiceField(label=_("What"), required=False, choices=WHAT)
    shape = forms.ChoiceField(label=_("File"), required=False, choices=SHAPES)

    field_order = ["what", "period", "since", "until", "shape"]


@require_GET
@role_required(*MONEY)
def exports(request: HttpRequest) -> HttpResponse:
    """The form, with how many rows of usage the days hold."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    form = ExportForm(request.GET)
    period = form.days(tenant.timezone)
    form = ExportForm(_filled(request, period))
    context = {
        "section": "billing",
        "tab": "exports",
        "form": form,
        "period": period,
        "rows": spend_total(tenant, Narrowed(since=period.since, until=period.until)).entries,
    }
    return render(request, "billing/exports.html", context)


@require_GET
@role_required(*MONEY)  # type: ignore[arg-type]  # a stream is no HttpResponse to the type checker
def export_file(request: HttpRequest) -> HttpResponseBase:
    """The file."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    form = ExportForm(request.GET)
    values = form.values
    sheet = SHEETS[values.get("what", "entries")]
    return export_answer(sheet, tenant, form.days(tenant.timezone), values.get("shape", CSV))


def export_answer(sheet: Sheet, tenant: Tenant, period: Period, shape: str) -> StreamingHttpResponse:
    """A download that begins with the first rows, however many follow."""
    name = export_name(sheet, tenant, period, shape)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(export_stream(sheet, tenant, period, shape), content_type=TYPES[shape], headers=headers)


def _filled(request: HttpRequest, period: Period) -> Any:
    """The form's values with the days written out, so that a link from another page is understood."""
    data = request.GET.copy()
    data["period"] = period.key
    data["since"], data["until"] = period.since.isoformat(), period.until.isoformat()
    return data
