"""The preview of a coming book: piece by piece it comes to what the ledger would have charged."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.billing.models import PriceBook
from apps.billing.months import month_days
from apps.billing.selectors.staff.preview import Progress, preview_some
from apps.billing.services import call_bill, price_book_seed
from apps.billing.services.staff.books import book_copy
from apps.billing.views.staff.pages import months_back
from apps.tenants.models import Tenant
from tests.billing.factories import report_of
from tests.staff.test_books import SOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def coming(acme: Tenant, globex: Tenant) -> PriceBook:
    """Speech to text at twice its price, and no price for the voice; two calls of acme and one of globex last month."""
    book = book_copy(book=price_book_seed(), effective_from=SOON, currency="USD", by="x")
    book.prices.filter(model="nova-3").update(price=Decimal("0.0154"))
    book.prices.filter(model="eleven_flash_v2_5").delete()
    began = datetime.combine(months_back(2)[1], datetime.min.time(), UTC).replace(day=3)
    for tenant in (acme, acme, globex):
        report = report_of(started_at=began.isoformat(), ended_at=began.replace(minute=1, second=1).isoformat(), duration=61)
        call_bill(tenant=tenant, call_id=report["call_id"], report=report)
    return book


def test_it_goes_on_where_it_stopped(coming: PriceBook) -> None:
    month, progress, names = months_back(2)[1], Progress(), []
    while not progress.over or not names:
        rows, progress = preview_some(book=coming, month=month, progress=progress, seconds=0)
        names += [row.tenant.slug for row in rows]
    whole = preview_some(book=coming, month=month, progress=Progress())[1]
    assert names == ["acme", "globex"]
    assert progress == whole
    assert (progress.of, progress.unpriced) == (2, 3)
    assert progress.then < progress.now


def test_a_large_month_goes_day_by_day(staff: Client, coming: PriceBook, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page waits for a tenant with a million entries: its days come to what the month comes to."""
    month = months_back(2)[1]
    whole = preview_some(book=coming, month=month, progress=Progress())[1]
    monkeypatch.setattr("apps.billing.selectors.preview.MANY", 0)
    monkeypatch.setattr("apps.billing.views.staff.preview.preview_some", lambda **given: preview_some(seconds=0, **given))
    answer = staff.get(f"/staff/books/{coming.pk}/preview")
    seen, steps, shares = [], 1, [answer.context["progress"].percent]
    while address := answer.context["next"]:
        answer = staff.get(address)
        seen += [(row.tenant.slug, row.entries, row.unpriced) for row in answer.context["rows"]]
        shares.append(answer.context["progress"].percent)
        steps += 1
    assert answer.context["progress"] == whole
    assert seen == [("acme", 2, 2), ("globex", 1, 1)]
    assert (steps, shares) == (2 * month_days(month), sorted(shares))


@pytest.mark.parametrize("piece", ["1.2", "a", "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.x"])
def test_a_piece_that_is_none_begins_anew(staff: Client, coming: PriceBook, piece: str) -> None:
    query = f"place=0&now=1&then=1&unpriced=0&piece={piece}"
    assert staff.get(f"/staff/books/{coming.pk}/preview?{query}").context["first"]


def test_the_page_shows_pieces(staff: Client, coming: PriceBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.billing.views.staff.preview.preview_some", lambda **given: preview_some(seconds=0, **given))
    address: Any = f"/staff/books/{coming.pk}/preview"
    first = staff.get(address)
    assert ("<table" in first.content.decode(), [row.tenant.slug for row in first.context["rows"]]) == (True, ["acme"])
    last = staff.get(first.context["next"])
    assert ("<table" in last.content.decode(), [row.tenant.slug for row in last.context["rows"]]) == (False, ["globex"])
    assert last.context["next"] == ""
    assert "3 without a price" in last.content.decode()
    assert staff.get(f"{address}?place=-1&now=x").context["first"]


def test_a_month_without_usage_says_so(staff: Client) -> None:
    book = book_copy(book=price_book_seed(), effective_from=SOON, currency="EUR", by="x")
    assert "Nothing was used in EUR" in staff.get(f"/staff/books/{book.pk}/preview").content.decode()
