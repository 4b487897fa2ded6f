"""Amounts in their currency's places, and sums that never add two currencies up."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.test import Client
from time_machine import travel

from apps.billing.exports import SHEETS, export_stream
from apps.billing.models import Invoice, InvoiceLine
from apps.billing.periods import Period
from apps.billing.selectors.spend import Narrowed, spend_totals
from apps.billing.services.rollups import spend_fold
from apps.calls.selectors_dashboard import spent_since
from apps.core.charts import Chart
from apps.core.currencies import places_of
from apps.tenants.models import Role, Tenant
from apps.tenants.services import person_add
from tests.billing.invoice_side import entry_make
from tests.billing.test_finance_pages import ClientFor, page

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _late_in_november(db: None) -> object:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def finance(acme: Tenant, client_for: ClientFor) -> Client:
    return client_for(person_add(tenant=acme, email="fiona@acme.test", role=Role.FINANCE, name="Fiona").user, "acme")


@pytest.mark.parametrize(("code", "places"), [("USD", 2), ("jpy", 0), ("KRW", 0), ("CLP", 0), ("ISK", 0), ("KWD", 3), ("TND", 3)])
def test_places(code: str, places: int) -> None:
    assert places_of(code) == places


@pytest.mark.parametrize("folded", [False, True])
def test_usage_in_two_currencies_has_two_sums(acme: Tenant, finance: Client, folded: bool) -> None:
    entry_make(acme, "1.25")
    entry_make(acme, "340", currency="JPY")
    entry_make(acme, "60.4", currency="JPY")
    if folded:
        spend_fold()
    sums = spend_totals(acme, Narrowed(since=date(2026, 11, 1)))
    assert {name: spent.total for name, spent in sums.items()} == {"USD": Decimal("1.25"), "JPY": Decimal("400.4")}
    assert spent_since(acme, "UTC") == {"USD": Decimal("1.25"), "JPY": Decimal("400.4")}
    body = page(finance, "/billing/usage/")
    assert "400 JPY, $1.25" in body and "All 3" in body
    assert "400.40 JPY, $1.2500" in page(finance, "/billing/usage/?component=platform")  # the page's own sum


def test_nothing_used_is_nothing_of_the_companys_currency(acme: Tenant, globex: Tenant) -> None:
    entry_make(globex, "5")
    assert spent_since(acme, "UTC") == {"USD": Decimal(0)}


@pytest.mark.parametrize(
    ("currency", "total", "written"), [("JPY", "1200", "1,200 JPY"), ("KWD", "12.34", "12.340 KWD"), ("EUR", "1200", "€1,200.00")]
)
def test_an_invoice_is_written_in_its_currencys_places(
    acme: Tenant, finance: Client, currency: str, total: str, written: str
) -> None:
    amount = Decimal(total)
    begin, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    invoice = Invoice.objects.create(
        tenant=acme, number="INV-1", month=begin.date(), period_start=begin, period_end=end, currency=currency,
        subtotal=amount, total=amount, state="open",
    )  # fmt: skip
    InvoiceLine.objects.create(invoice=invoice, position=1, kind="fee", description="Team", exact=amount, amount=amount)
    number = f"{amount:.{places_of(currency)}f}"
    for kind in ("invoices", "lines"):
        period = Period("custom", begin.date(), date(2026, 10, 31), "UTC")
        [row] = csv.DictReader(StringIO(b"".join(export_stream(SHEETS[kind], acme, period, "csv")).decode()))
        assert number in (row.get("total"), row.get("amount"))
    for path in ("/billing/invoices/", f"/billing/invoices/{invoice.pk}/"):
        body = page(finance, path)
        assert written in body
        assert "1,200.00 JPY" not in body and "12.34 KWD" not in body


def test_the_chart_counts_in_whole_yen(acme: Tenant) -> None:
    chart = Chart("", "stack", [1], [], [], [], " JPY", places=places_of("JPY"))
    assert chart.data["places"] == 0
