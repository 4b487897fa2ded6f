"""Revenue: months, tenants, channels and parts add up to the ledger; overdue invoices; CSV."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.billing.models import Invoice
from apps.billing.selectors.staff import revenue
from apps.billing.selectors.staff.sums import Sums
from apps.billing.views.staff.pages import months_back, this_month
from apps.tenants.models import Tenant
from tests.staff.factories import entry_make, invoice_make

pytestmark = pytest.mark.django_db


def test_months_end_with_utcs_last_microsecond(acme: Tenant) -> None:
    edge = datetime.combine(this_month(), datetime.min.time(), UTC)
    entry_make(acme, total="2", cost="1", started_at=edge)
    entry_make(acme, total="3", cost="1", started_at=edge - timedelta(microseconds=1))
    before, now = revenue.months_sums(months_back(2)[::-1], "USD")
    assert (before.sums.revenue, now.sums.revenue, now.sums.margin) == (3, 2, 1)
    assert [one.sums.revenue for one in revenue.months_sums(months_back(12)[::-1], "EUR")] == [0] * 12


def test_every_table_adds_up_to_the_same(acme: Tenant, globex: Tenant) -> None:
    entry_make(acme, total="2", cost="0.5")
    entry_make(acme, total="1", source_type="turn", channel="whatsapp", call_id=None)
    entry_make(globex, total="4", source_type="knowledge", channel="", call_id=None)
    entry_make(globex, total="9", currency="EUR")
    cells = revenue.month_cells(this_month())
    tenants, channels = revenue.tenants_sums(cells, "USD"), revenue.channels_sums(cells, "USD")
    assert [(one.name, one.sums.revenue) for one in tenants] == [("Globex", 4), ("Acme", 3)]
    assert {one.name for one in channels} == {"webrtc", "whatsapp", "knowledge"}
    parts = sum(amount for _label, amount in revenue.parts_revenue(this_month(), "USD"))
    assert sum((one.sums for one in channels), Sums("USD")).revenue == parts == 7


def test_the_page_and_its_currencies(staff: Client, acme: Tenant) -> None:
    assert "Nothing was used" in staff.get("/staff/revenue/").content.decode()
    entry_make(acme, total="2", cost="0.5")
    entry_make(acme, total="3")
    entry_make(acme, total="9", currency="EUR")
    assert "leaves a margin of $3.50 so far, 70 % of its revenue" in staff.get("/staff/revenue/").context["chart"].title
    answer = staff.get("/staff/revenue/?currency=EUR")
    assert answer.context["total"].revenue == 9
    assert "€9.00" in answer.content.decode()
    assert "€9.00" in staff.get(f"/staff/revenue/parts?month={this_month()}&currency=EUR").content.decode()
    assert staff.get("/staff/revenue/?month=nonsense&currency=XXX").context["total"].revenue == 5


def test_past_months_are_remembered_and_the_present_one_is_not(acme: Tenant) -> None:
    months = months_back(3)[::-1]
    for _again in range(2):
        for month in months:
            entry_make(acme, total="2", started_at=datetime.combine(month, datetime.min.time(), UTC))
        found = [one.sums.revenue for one in revenue.months_remembered(months, "USD")]
    assert found == [2, 2, 4]


def test_overdue_is_what_is_open_and_late(staff: Client, acme: Tenant) -> None:
    late = invoice_make(acme, number="LATE", paid=Decimal(15), dunning=Invoice.Dunning.SECOND)
    invoice_make(acme, number="SOON", month="2026-01-01", due_at=timezone.now() + timedelta(days=2))
    invoice_make(acme, number="PAID", month="2026-02-01", state=Invoice.State.PAID)
    assert [(one.pk, one.owed) for one in revenue.overdue_invoices()] == [(late.pk, 25)]
    said = staff.get("/staff/revenue/").content.decode()
    assert "LATE" in said
    assert "Second reminder" in said


def test_what_came_in_and_what_is_open_by_currency(staff: Client, acme: Tenant, globex: Tenant) -> None:
    start = datetime.combine(this_month(), datetime.min.time(), UTC)
    now = {"finalized_at": start, "due_at": timezone.now() + timedelta(days=9)}
    invoice_make(acme, state=Invoice.State.PAID, paid=Decimal(35), balance=Decimal(5), paid_at=start, **now)
    invoice_make(acme, month="2026-01-01", state=Invoice.State.PAID, paid=Decimal(40), paid_at=start - timedelta(microseconds=1))
    invoice_make(acme, month="2026-02-01", paid=Decimal(10), credited=Decimal(4), balance=Decimal(1), **now)
    invoice_make(globex, month="2026-02-01", paid=Decimal(15))
    invoice_make(globex, month="2026-03-01", state=Invoice.State.UNCOLLECTIBLE)
    invoice_make(globex, month="2026-04-01", currency="EUR", **now)
    for place, state in enumerate((Invoice.State.DRAFT, Invoice.State.VOID), 5):
        invoice_make(globex, month=f"2026-0{place}-01", state=state, currency="JPY", **now)
    euros, dollars = revenue.collected_in(this_month())
    assert (euros.currency, euros.billed, euros.collected, euros.outstanding, euros.overdue) == ("EUR", 40, 0, 40, 0)
    assert (dollars.billed, dollars.collected) == (80, 35)
    assert (dollars.outstanding, dollars.overdue, dollars.written_off) == (50, 25, 40)
    said = staff.get("/staff/revenue/").content.decode()
    assert "Outstanding now" in said and "$50.00" in said and "€40.00" in said


def test_the_csv_adds_up_and_holds_no_formula(staff: Client, acme: Tenant, globex: Tenant) -> None:
    Tenant.objects.filter(pk=globex.pk).update(name="=cmd()")
    entry_make(acme, total="2", cost="0.5")
    entry_make(globex, total="1", cost="0.25")
    answer: Any = staff.get("/staff/revenue/csv")
    rows = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    assert [(row["tenant"], row["name"], row["margin"]) for row in rows] == [
        ("acme", "Acme", "1.500000"),
        ("globex", "'=cmd()", "0.750000"),
    ]
