"""The list of tenants: filters, order and page are in the address."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from apps.billing.models import BillingProfile, Plan
from apps.billing.selectors.staff.sums import Sums
from apps.billing.selectors.staff.tenants import LIVE, SORTS, rows_total, tenant_rows
from apps.billing.views.staff.pages import MonthField, month_name, page, this_month
from apps.core.tables import Column, Total, headings
from apps.core.templatetags.ui import money
from apps.tenants.models import Tenant
from apps.tenants.staff import staff_required

PAGE_SIZE = 50
STATUSES = [("", gettext_lazy("All but deleted")), *Tenant.Status.choices, ("all", gettext_lazy("Deleted too"))]
COLUMNS = (
    Column(gettext_lazy("Tenant"), "name"),
    Column(gettext_lazy("Plan"), "plan"),
    Column(gettext_lazy("Revenue"), "revenue", numeric=True),
    Column(gettext_lazy("Provider cost"), "cost", numeric=True),
    Column(gettext_lazy("Margin"), "margin", numeric=True),
    Column(gettext_lazy("Calls"), "calls", numeric=True),
    Column(gettext_lazy("Overdue"), "overdue", numeric=True),
    Column(gettext_lazy("Last active"), "active"),
)


class FilterForm(forms.Form):
    """What cannot be read is left out, so that an old link still shows a list."""

    q = forms.CharField(label=gettext_lazy("Name"), required=False, max_length=64)
    month = MonthField()
    status = forms.ChoiceField(label=gettext_lazy("Status"), required=False, choices=STATUSES)
    standing = forms.ChoiceField(
        label=gettext_lazy("Standing"),
        required=False,
        choices=[("", gettext_lazy("Any standing")), *BillingProfile.Standing.choices],
    )
    plan = forms.ChoiceField(label=gettext_lazy("Plan"), required=False)
    sort = forms.ChoiceField(
        required=False, choices=[(way + key, key) for key in SORTS for way in ("", "-")], widget=forms.HiddenInput
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, auto_id="filter-%s")
        plans = Plan.objects.values_list("code", "name")
        self.fields["plan"].choices = [("", gettext_lazy("Any plan")), *plans]  # type: ignore[attr-defined]
        self.fields["q"].widget.attrs = {"type": "search", "data-search": "", "placeholder": _("Search"), "autocomplete": "off"}

    @property
    def values(self) -> dict[str, Any]:
        self.is_valid()
        found = {name: value for name, value in self.cleaned_data.items() if value}
        status = found.get("status", LIVE)
        return {"month": this_month(), **found, "status": "" if status == "all" else status}

    @property
    def narrows(self) -> bool:
        """True when the list is not simply everything."""
        self.is_valid()
        return any(self.cleaned_data.get(name) for name in ("q", "status", "standing", "plan"))


@require_GET
@staff_required
def tenants(request: HttpRequest) -> HttpResponse:
    """The list, or only its table when htmx asks for it."""
    form = FilterForm(request.GET)
    values = form.values
    rows = tenant_rows(**values)
    shown = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    totals = rows_total(rows)
    context = {
        "form": form,
        "page": shown,
        "rows": list(shown.object_list),
        "columns": headings(COLUMNS, sort=values.get("sort", "-revenue"), query=request.GET),
        "totals": _totals(totals, len(rows)),
        "month_name": month_name(values["month"]),
    }
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "staff/tenants_table.html", context)
    return page(request, "tenants.html", "tenants", context)


def _totals(sums: Sequence[Sums], count: int) -> list[Total]:
    """The row below the list: of all that fit, not only of this page."""
    if count < 2:
        return []
    return [
        Total(_("All %(count)d") % {"count": count}),
        Total(),
        Total(_listed(sums, "revenue"), _("Revenue"), numeric=True),
        Total(_listed(sums, "cost"), _("Provider cost"), numeric=True),
        Total(_listed(sums, "margin"), _("Margin"), numeric=True),
        Total(str(sum(one.calls for one in sums)), _("Calls"), numeric=True),
        Total(),
        Total(),
    ]


def _listed(sums: Sequence[Sums], name: str) -> str:
    amounts: list[str] = [money(getattr(one, name), one.currency) for one in sums]
    return ", ".join(amounts) or money(Decimal(0))
