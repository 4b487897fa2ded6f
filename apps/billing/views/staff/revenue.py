"""Revenue of the platform: a year's months, one month in detail, what is overdue, and all of it as CSV."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from apps.billing.models import Part
from apps.billing.selectors.staff import revenue as selectors
from apps.billing.selectors.staff.revenue import MonthSums, NamedSums
from apps.billing.selectors.staff.sums import Sums
from apps.billing.views.staff.pages import MonthField, month_name, months_back, page, this_month
from apps.core.charts import Chart, Series
from apps.core.csvs import Echo, cell
from apps.core.templatetags.ui import SYMBOLS, money
from apps.tenants.staff import staff_required

MONTHS_CHARTED = 12
HEAD = ["tenant", "name", "usage", "channel", "currency", "revenue", "provider_cost", "margin", "calls", "entries"]


class FilterForm(forms.Form):
    """Which month, and of several currencies which one."""

    month = MonthField()
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), required=False)

    def __init__(self, data: QueryDict, *, currencies: Sequence[str]) -> None:
        super().__init__(data, auto_id="filter-%s")
        self.fields["currency"].choices = [(one, one) for one in currencies]  # type: ignore[attr-defined]
        self.is_valid()

    @property
    def month_chosen(self) -> date:
        return self.cleaned_data.get("month") or this_month()


@require_GET
@staff_required
def revenue(request: HttpRequest) -> HttpResponse:
    months = months_back(MONTHS_CHARTED)[::-1]
    month = FilterForm(request.GET, currencies=()).month_chosen
    cells = selectors.month_cells(month)
    currencies = selectors.currencies_used(cells)
    form = FilterForm(request.GET, currencies=currencies)
    currency = form.cleaned_data.get("currency") or currencies[0]
    tenants = selectors.tenants_sums(cells, currency)
    context = {
        "form": form,
        "month": month,
        "month_name": month_name(month),
        "currency": currency,
        "chart": months_chart(selectors.months_remembered(months, currency), currency),
        "total": sum((one.sums for one in tenants), Sums(currency)),
        "tables": [(_("By tenant"), tenants), (_("By channel"), _named(selectors.channels_sums(cells, currency)))],
        "collected": selectors.collected_in(month),
        "overdue": selectors.overdue_invoices(),
    }
    return page(request, "revenue.html", "revenue", context)


@require_GET
@staff_required
def parts(request: HttpRequest) -> HttpResponse:
    """A piece of the page that reads the rows themselves, and so comes by itself."""
    month, currency = FilterForm(request.GET, currencies=()).month_chosen, request.GET.get("currency", "USD")[:3]
    context = {"parts": selectors.parts_revenue(month, currency), "currency": currency}
    return render(request, "staff/revenue_parts.html", context)


@require_GET
@staff_required  # type: ignore[arg-type]  # a stream is no HttpResponse to the type checker
def revenue_csv(request: HttpRequest) -> StreamingHttpResponse:
    month = FilterForm(request.GET, currencies=()).month_chosen
    name = f"revenue-{month:%Y-%m}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(list(_lines(month)), content_type="text/csv; charset=utf-8", headers=headers)


def months_chart(months: Sequence[MonthSums], currency: str) -> Chart | None:
    """Revenue as bars with the provider's cost in front of it, so that what is left to see is the margin; None without any."""
    if not any(one.sums.revenue or one.sums.cost for one in months):
        return None
    x = range(1, len(months) + 1)
    sums = [one.sums for one in months]
    rows = [
        [month_name(one.month), *(money(getattr(one.sums, name), currency) for name in ("revenue", "cost", "margin"))]
        for one in months
    ]
    return Chart(
        _chart_title(months[-1], currency),
        "bars",
        x,
        [
            Series(_("Revenue"), [float(one.revenue) for one in sums]),
            Series(_("Provider cost"), [float(one.cost) for one in sums], "--color-neutral"),
        ],
        [_("Month"), _("Revenue"), _("Provider cost"), _("Margin")],
        rows,
        "" if currency in SYMBOLS else f" {currency}",
        prefix=SYMBOLS.get(currency, ""),
        labels={str(number): date_format(one.month, "M y") for number, one in zip(x, months, strict=True)},
        legend=[(_("Revenue; what is seen of it is the margin"), "text-primary"), (_("Provider cost"), "text-neutral")],
    )


def _chart_title(last: MonthSums, currency: str) -> str:
    words = {"month": month_name(last.month), "margin": money(last.sums.margin, currency), "percent": last.sums.percent}
    if last.sums.percent is None:
        return _("%(month)s has brought nothing yet") % words
    return _("%(month)s leaves a margin of %(margin)s so far, %(percent)s %% of its revenue") % words


def _named(found: Sequence[NamedSums]) -> list[NamedSums]:
    """Channels by the names that pages have for them."""
    names = {"webrtc": _("Browser calls"), "sip": _("Phone calls"), "whatsapp": _("WhatsApp"), "text": _("Text")}
    return [NamedSums(names.get(one.name, one.name.capitalize()), one.sums) for one in found]


def _lines(month: date) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow([*HEAD, *Part.values])
    for row in selectors.month_lines(month):
        yield writer.writerow([cell(value) for value in _values(row)])


def _values(row: dict[str, Any]) -> list[Any]:
    keys = [row[name] for name in ("tenant__schema_name", "tenant__name", "source_type", "channel", "currency")]
    amounts = [row["revenue"], row["cost"], row["revenue"] - row["cost"], row["calls"], row["things"]]
    return [*keys, *amounts, *(row[f"{part}_sum"] for part in Part.values)]
