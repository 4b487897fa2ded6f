"""What the platform's staff may do with money, and that nobody else gets there."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from apps.billing.models import BillingConflict, LedgerEntry, PriceBook
from apps.billing.services import ReportConflict, call_bill, price_book_copy, price_book_seed
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


def formset(book: PriceBook, **changes: str) -> dict[str, str]:
    """The fields of a book's form, as its page would send them."""
    moment = book.effective_from
    rows = list(book.prices.all())
    data = {
        "markup": "0",
        "effective_from_0": f"{moment:%Y-%m-%d}",
        "effective_from_1": f"{moment:%H:%M:%S}",
        "currency": "USD",
        "note": "",
        "prices-TOTAL_FORMS": str(len(rows)),
        "prices-INITIAL_FORMS": str(len(rows)),
    }
    for index, price in enumerate(rows):
        for name in ("id", "book_id", "kind", "provider", "model", "unit", "provider_cost", "price", "note"):
            data[f"prices-{index}-{name.removesuffix('_id')}"] = str(getattr(price, name))
    return {**data, **changes}


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


def test_a_book_in_effect_does_not_change(staff: Client) -> None:
    book = price_book_seed()
    address = f"/admin/billing/pricebook/{book.pk}"
    assert staff.post(f"{address}/change/", formset(book)).status_code == 403
    assert staff.post(f"{address}/delete/", {"post": "yes"}).status_code == 403


def test_copying_makes_versions_for_the_coming_months(staff: Client) -> None:
    book = price_book_seed()
    for _ in range(2):
        staff.post("/admin/billing/pricebook/", {"action": "copy_for_next_month", "_selected_action": str(book.pk)})
    moments = list(PriceBook.objects.order_by("version").values_list("effective_from", flat=True))
    assert len(moments) == 3
    assert timezone.now() < moments[1] < moments[2]
    assert {moment.day for moment in moments[1:]} == {1}


def test_a_coming_book_changes_but_stays_sound(staff: Client) -> None:
    moment = (timezone.now() + timedelta(days=30)).replace(microsecond=0)
    book = price_book_copy(book=price_book_seed(), effective_from=moment)
    address = f"/admin/billing/pricebook/{book.pk}/change/"
    index = next(i for i, price in enumerate(book.prices.all()) if price.model == "whisper-1")
    assert staff.post(address, formset(book, **{f"prices-{index}-price": "0.009"})).status_code == 302
    assert str(book.prices.get(model="whisper-1").price) == "0.009000"
    twice = {f"prices-{index}-model": "gpt-4o-transcribe", f"prices-{index}-unit": "second"}
    assert "two prices for seconds" in staff.post(address, formset(book, **twice)).content.decode()
    assert "in the future" in staff.post(address, formset(book, effective_from_0="2020-01-01")).content.decode()


def test_a_conflict_is_decided_in_a_sentence(staff: Client, conflict: BillingConflict) -> None:
    address = f"/admin/billing/billingconflict/{conflict.pk}/change/"
    assert staff.post(address, {"resolution": ""}).status_code == 200
    assert staff.post(address, {"resolution": "Credited by hand.", "call_id": "x"}).status_code == 302
    conflict.refresh_from_db()
    assert (conflict.resolution, conflict.resolved_at is None) == ("Credited by hand.", False)


def test_members_of_a_tenant_do_not_get_there(client_for: Any, alice: User) -> None:
    for path in ("/admin/billing/ledgerentry/", "/admin/billing/pricebook/"):
        assert client_for(alice, "").get(path).status_code == 302
        assert client_for(alice, "acme").get(path).status_code == 404


def test_nothing_of_compass_is_in_the_admin() -> None:
    assert not [model for model in admin.site._registry if model._meta.app_label == "compass"]
