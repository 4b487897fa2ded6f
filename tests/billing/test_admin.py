"""Django's admin shows money to the platform's staff, changes none of it, and is there for nobody else."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from apps.billing.models import BillingConflict, LedgerEntry
from apps.billing.services import ReportConflict, call_bill, price_book_seed
from apps.tenants.models import Tenant, User
from tests.billing.factories import report_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client_for: Any) -> Client:
    return client_for(User.objects.create_superuser("root@meridian.test", "a-test-password-1"), "")


@pytest.fixture
def conflict(acme: Tenant) -> BillingConflict:
    report = report_of()
    call_bill(tenant=acme, call_id=report["call_id"], report=report)
    with pytest.raises(ReportConflict):
        call_bill(tenant=acme, call_id=report["call_id"], report={**report, "duration": 1})
    return BillingConflict.objects.get()


def test_every_page_opens(staff: Client, conflict: BillingConflict) -> None:
    book = price_book_seed()
    for model, pk in (("pricebook", book.pk), ("ledgerentry", conflict.entry_id), ("billingconflict", conflict.pk)):
        assert staff.get(f"/admin/billing/{model}/").status_code == 200
        assert staff.get(f"/admin/billing/{model}/{pk}/change/").status_code == 200
    assert staff.get("/admin/billing/ledgerentry/?unpriced=yes").context["cl"].result_count == 0
    assert staff.get("/admin/billing/ledgerentry/?unpriced=no").context["cl"].result_count == 1


def test_the_ledger_is_only_read(staff: Client, conflict: BillingConflict) -> None:
    address = f"/admin/billing/ledgerentry/{conflict.entry_id}"
    for path in (f"{address}/change/", f"{address}/delete/", "/admin/billing/ledgerentry/add/"):
        assert staff.post(path, {"total": "0", "post": "yes"}).status_code == 403
    assert LedgerEntry.objects.count() == 1


def test_books_and_conflicts_are_only_read(staff: Client, conflict: BillingConflict) -> None:
    book = price_book_seed()
    address = f"/admin/billing/pricebook/{book.pk}"
    assert staff.post(f"{address}/change/", {"note": "x"}).status_code == 403
    assert staff.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    assert staff.get("/admin/billing/pricebook/add/").status_code == 403
    address = f"/admin/billing/billingconflict/{conflict.pk}/change/"
    assert staff.post(address, {"resolution": "Credited by hand."}).status_code == 403


def test_members_of_a_tenant_do_not_get_there(client_for: Any, alice: User) -> None:
    for path in ("/admin/billing/ledgerentry/", "/admin/billing/pricebook/"):
        assert client_for(alice, "").get(path).status_code == 302
        assert client_for(alice, "acme").get(path).status_code == 404


def test_nothing_of_compass_is_in_the_admin() -> None:
    assert not [model for model in admin.site._registry if model._meta.app_label == "compass"]
