"""The list of tenants and a tenant's page: what they add up, how many queries they take, and what staff can do there."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.billing.models import BillingProfile, Credit, LedgerEntry, Plan, StaffAct, Subscription
from apps.billing.selectors.staff.tenant import credits_left
from apps.billing.selectors.staff.tenants import tenant_rows
from apps.billing.views.staff.pages import this_month
from apps.tenants.models import Role, Tenant
from apps.tenants.services import person_add
from tests.staff.factories import entry_make, entry_of, invoice_make

pytestmark = pytest.mark.django_db


def row_of(slug: str, **filters: Any) -> Any:
    return next(row for row in tenant_rows(month=this_month(), **filters) if row.tenant.slug == slug)


def test_a_row_adds_up_what_a_month_brought(acme: Tenant, globex: Tenant) -> None:
    entry_make(acme, total="2", cost="1.25")
    first = entry_make(acme, total=None, cost=None)
    entry_make(acme, total="0.5", cost="0.25", source_id=first.source_id, revision=1, corrects=first)
    entry_make(acme, total="9", started_at=timezone.now() - timedelta(days=40))
    entry_make(globex, total="7", source_type="turn")
    row = row_of("acme")
    assert (row.main.revenue, row.main.cost, row.main.margin, row.main.calls) == (
        Decimal("2.6"),
        Decimal("1.5"),
        Decimal("1.1"),
        2,
    )
    assert (row_of("globex").main.revenue, row_of("globex").main.calls) == (7, 0)


def test_currencies_are_never_added_together(acme: Tenant) -> None:
    BillingProfile.objects.create(tenant=acme, currency="EUR")
    entry_make(acme, total="2")
    entry_make(acme, total="3", currency="EUR")
    assert [(one.currency, one.revenue) for one in row_of("acme").sums] == [("EUR", 3), ("USD", 2)]


def test_overdue_counts_what_is_left_to_pay(acme: Tenant, globex: Tenant) -> None:
    invoice_make(acme, total=Decimal(40), paid=Decimal(10), credited=Decimal(5))
    invoice_make(globex, due_at=timezone.now() + timedelta(days=1))
    assert (row_of("acme").overdue, row_of("globex").overdue) == (25, 0)


def test_what_is_overdue_in_two_currencies_is_told_in_both(staff: Client, acme: Tenant) -> None:
    invoice_make(acme, total=Decimal(40))
    invoice_make(acme, total=Decimal(7), currency="EUR")
    assert row_of("acme").overdue_sums == {"EUR": 7, "USD": 40}
    page = staff.get("/staff/").content.decode()
    assert "€7.00" in page
    assert "$40.00" in page


def test_the_plan_is_the_one_of_today(acme: Tenant) -> None:
    today = timezone.now().date()
    trial, free = (Plan.objects.create(code=code, name=code.title(), fee=0) for code in ("staff-trial", "staff-free"))
    later = today + timedelta(days=14)
    Subscription.objects.create(tenant=acme, plan=trial, started_on=today, ended_on=later)
    Subscription.objects.create(tenant=acme, plan=free, started_on=later)
    assert row_of("acme").plan == "Staff-Trial"
    assert [row.tenant.slug for row in tenant_rows(month=this_month(), plan="staff-free")] == []


def test_filters_narrow_and_sorting_turns(staff: Client, acme: Tenant, globex: Tenant) -> None:
    entry_make(globex, total="5")
    BillingProfile.objects.create(tenant=acme, standing=BillingProfile.Standing.PAST_DUE)
    Tenant.objects.filter(pk=globex.pk).update(status=Tenant.Status.SUSPENDED)

    def listed(query: str) -> list[str]:
        return [row.tenant.slug for row in staff.get(f"/staff/?{query}").context["rows"]]

    assert listed("") == ["globex", "acme"]
    assert listed("sort=revenue") == ["acme", "globex"]
    assert listed("q=GLOB") == listed("standing=good") == listed("status=suspended") == ["globex"]
    assert listed("standing=past_due") == ["acme"]
    assert listed("status=nonsense&month=1999") == ["globex", "acme"]
    assert "No tenant matches" in staff.get("/staff/?q=nobody").content.decode()


def test_five_hundred_tenants_take_three_queries(acme: Tenant, django_assert_num_queries: Any) -> None:
    made = Tenant.objects.bulk_create(Tenant(schema_name=f"many{number}", name=f"Many {number:03}") for number in range(500))
    LedgerEntry.objects.bulk_create(entry_of(tenant) for tenant in made for _ in range(2))
    with django_assert_num_queries(3):
        rows = tenant_rows(month=this_month())
    assert len(rows) == 502
    assert sum(row.main.calls for row in rows) == 1000


def test_a_tenants_page_tells_all(staff: Client, acme: Tenant) -> None:
    person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga")
    entry_make(acme, total=None)
    invoice = invoice_make(acme, number="ACME-1")
    Credit.objects.create(tenant=acme, amount=20, currency="USD", reason="For the outage")
    said = staff.get("/staff/tenants/acme/").content.decode()
    for words in ("olga@acme.test", "new-voice", "ACME-1", "For the outage", "acme.localhost", "$0.10"):
        assert words in said
    assert "ACME-1" in staff.get(f"/staff/invoices/{invoice.pk}/").content.decode()
    assert staff.get("/staff/tenants/nobody/").status_code == staff.get("/staff/tenants/public/").status_code == 404


def test_what_is_left_of_a_credit(acme: Tenant) -> None:
    credit = Credit.objects.create(tenant=acme, amount=20, currency="USD", reason="x")
    for number in range(2):
        credit.uses.create(invoice=invoice_make(acme, month=f"2026-0{number + 1}-01"), amount=Decimal("4.5"))
    assert credits_left(Credit.objects.all()).get().left == 11


def test_suspending_takes_a_reason_and_is_written_down_twice(staff: Client, client_for: Any, acme: Tenant) -> None:
    assert staff.post("/staff/tenants/acme/suspend", {"reason": " "}).status_code == 302
    acme.refresh_from_db()
    assert (acme.status, StaffAct.objects.count()) == ("active", 0)
    staff.post("/staff/tenants/acme/suspend", {"reason": "Three invoices are open."})
    assert client_for(None, "acme").get("/login").status_code == 404
    assert "Three invoices are open." in staff.get("/staff/tenants/acme/").content.decode()
    staff.post("/staff/tenants/acme/restore", {"reason": "Paid."})
    assert client_for(None, "acme").get("/login").status_code == 200
    assert [(act.kind, act.reason, act.by) for act in StaffAct.objects.filter(tenant=acme)] == [
        ("restored", "Paid.", "root@meridian.test"),
        ("suspended", "Three invoices are open.", "root@meridian.test"),
    ]
    with tenant_context(acme):
        told = LogEntry.objects.get_for_object(acme).values_list("actor_email", flat=True)
        assert list(told) == ["root@meridian.test"] * 2


def test_a_deleted_tenant_is_not_restored(staff: Client, globex: Tenant) -> None:
    Tenant.objects.filter(pk=globex.pk).update(status=Tenant.Status.DELETED)
    answer = staff.post("/staff/tenants/globex/restore", {"reason": "Why not"}, follow=True)
    assert "Only its ledger is left" in answer.content.decode()
    assert staff.get("/staff/").context["rows"][0].tenant.slug == "acme"
    assert len(staff.get("/staff/?status=all").context["rows"]) == 2
