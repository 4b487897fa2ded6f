"""The journal of a month as CSV, for whoever keeps the platform's books."""

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_GET

from apps.billing.selectors.staff.journal import Posting, journal_postings
from apps.billing.views.staff.revenue import FilterForm
from apps.core.csvs import Echo, cell
from apps.core.currencies import places_of
from apps.tenants.staff import staff_required

HEAD = [
    *("date", "event", "document", "invoice", "tenant", "name", "service_month"),
    *("account", "debit", "credit", "currency", "text"),
]


@require_GET
@staff_required  # type: ignore[arg-type]  # a stream is no HttpResponse to the type checker
def journal_csv(request: HttpRequest) -> StreamingHttpResponse:
    """One row for each posting. Dates are those of UTC."""
    month = FilterForm(request.GET, currencies=()).month_chosen
    headers = {"Content-Disposition": f'attachment; filename="journal-{month:%Y-%m}.csv"'}
    return StreamingHttpResponse(_rows(month), content_type="text/csv; charset=utf-8", headers=headers)


def _rows(month: date) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(HEAD)
    for row in journal_postings(month):
        yield writer.writerow([cell(value) for value in _values(row)])


def _values(row: Posting) -> list[str]:
    invoice = row.invoice
    about = [f"{row.at:%Y-%m-%d}", row.event, row.document, invoice.number, invoice.tenant.schema_name, invoice.tenant.name]
    amounts = [_amount(row.debit, invoice.currency), _amount(row.credit, invoice.currency)]
    return [*about, f"{invoice.month:%Y-%m}", row.account, *amounts, invoice.currency, row.text]


def _amount(amount: Decimal, currency: str) -> str:
    return f"{amount:.{places_of(currency)}f}"
