"""Price books on the platform's pages: copied, changed as a whole, contradictions told at their row, and never once in effect."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.billing.models import BillingProfile, PriceBook, PriceOverride, StaffAct
from apps.billing.services import price_book_seed
from apps.billing.services.staff.books import book_copy, book_mark, book_rows
from apps.billing.views.staff.book_forms import row_initial
from apps.tenants.models import Tenant

pytestmark = pytest.mark.django_db
SOON = (timezone.now() + timedelta(days=30)).replace(second=0, microsecond=0)


@pytest.fixture
def coming() -> PriceBook:
    return book_copy(book=price_book_seed(), effective_from=SOON, currency="USD", by="root@meridian.test")


def posted(book: PriceBook, **changes: Any) -> dict[str, Any]:
    """The editor's form as its page would send it, with these fields otherwise."""
    rows = [row_initial(row) for row in book_rows(book)]
    data: dict[str, Any] = {
        "effective_from": f"{book.effective_from:%Y-%m-%dT%H:%M}",
        "markup_percent": f"{book.markup * 100:.2f}",
        "note": book.note,
        "mark": book_mark(book),
        "form-TOTAL_FORMS": str(len(rows)),
        "form-INITIAL_FORMS": str(len(rows)),
    }
    for number, row in enumerate(rows):
        data |= {f"form-{number}-{name}": value for name, value in row.items() if name != "tiers"}
        data[f"form-{number}-tiers"] = ", ".join(f"{tier['above']}: {tier['unit_price']}" for tier in row["tiers"])
    return data | changes


def number_of(book: PriceBook, model: str) -> int:
    return next(number for number, row in enumerate(book_rows(book)) if row["model"] == model)


def test_the_list_tells_which_book_counts(staff: Client, coming: PriceBook) -> None:
    rows = staff.get("/staff/books/").context["currencies"]["USD"]
    assert [row.state for row in rows][:2] == ["coming", "current"]
    assert rows[1].until == coming.effective_from


def test_a_copy_begins_in_the_future_and_in_its_currency(staff: Client) -> None:
    seed = price_book_seed()
    given = {"book": seed.pk, "effective_from": f"{SOON:%Y-%m-%dT%H:%M}", "currency": "EUR"}
    answer = staff.post("/staff/books/copy", given)
    made = PriceBook.objects.get(currency="EUR")
    assert answer.headers["Location"] == f"/staff/books/{made.pk}/"
    assert (book_rows(made), made.effective_from) == (book_rows(seed), SOON)
    assert staff.post("/staff/books/copy", given).status_code == 422
    for wrong in ({"effective_from": "2020-01-01T00:00"}, {"currency": "euro"}, {"book": "x"}):
        assert staff.post("/staff/books/copy", given | wrong).status_code == 422
    assert PriceBook.objects.filter(currency="EUR").count() == 1


def test_a_book_is_changed_as_a_whole(staff: Client, coming: PriceBook) -> None:
    total, whisper, tts = len(book_rows(coming)), number_of(coming, "whisper-1"), number_of(coming, "tts-1")
    new = {"kind": "tool", "provider": "maps", "model": "route", "unit": "run", "provider_cost": "0.01", "price": ""}
    changes: dict[str, Any] = {
        "markup_percent": "25",
        "note": "Autumn",
        f"form-{whisper}-price": "0.009",
        f"form-{whisper}-tiers": "1000: 0.008; 5000: 0.005",
        f"form-{tts}-DELETE": "on",
        "form-TOTAL_FORMS": str(total + 2),
        **{f"form-{total}-{name}": value for name, value in new.items()},
    }
    changes |= {f"form-{total + 1}-{name}": "" for name in new}
    assert staff.post(f"/staff/books/{coming.pk}/", posted(coming, **changes)).status_code == 302
    book = PriceBook.objects.get(pk=coming.pk)
    assert (book.markup, book.note, book.prices.count()) == (Decimal("0.25"), "Autumn", total)
    price = book.prices.get(model="whisper-1")
    assert price.price == Decimal("0.009")
    assert [(tier.above, tier.unit_price) for tier in price.tiers.all()] == [(1000, Decimal("0.008")), (5000, Decimal("0.005"))]
    assert book.prices.get(model="route").charged == Decimal("0.0125")
    assert not book.prices.filter(model="tts-1").exists()
    assert StaffAct.objects.filter(kind=StaffAct.Kind.BOOK_CHANGED, by="root@meridian.test").count() == 1


def test_amounts_say_their_currency(staff: Client, coming: PriceBook) -> None:
    page = staff.get(f"/staff/books/{coming.pk}/").content.decode()
    assert ">Provider cost, USD<" in page and ">Price, USD<" in page


def test_contradictions_are_told_at_their_row(staff: Client, coming: PriceBook) -> None:
    whisper, tts = number_of(coming, "whisper-1"), number_of(coming, "tts-1")
    twice = {f"form-{whisper}-model": "gpt-4o-transcribe", f"form-{whisper}-unit": "second"}
    cases = {
        "has two prices for seconds": (whisper, twice),
        "is not counted by": (tts, {f"form-{tts}-unit": "minute"}),
        "no less than before": (tts, {f"form-{tts}-tiers": "1000: 9"}),
        "have to ascend": (tts, {f"form-{tts}-tiers": "1000: 0.002, 500: 0.001"}),
        "Write tiers as": (tts, {f"form-{tts}-tiers": "a lot cheaper"}),
        "Neither is below 0": (tts, {f"form-{tts}-tiers": "1000: -1"}),
        "greater than or equal to 0": (tts, {f"form-{tts}-price": "-1"}),
        "required": (tts, {f"form-{tts}-model": ""}),
    }
    before = book_mark(coming)
    for words, (number, changes) in cases.items():
        answer = staff.post(f"/staff/books/{coming.pk}/", posted(coming, **changes))
        told = [index for index, form in enumerate(answer.context["formset"]) if form.errors]
        assert (answer.status_code, words in str(answer.context["formset"].errors[max(told)])) == (422, True), words
        assert number in told, words
    assert book_mark(PriceBook.objects.get(pk=coming.pk)) == before


@pytest.mark.parametrize(
    "tiers", ["nan: 0.001", "inf: 0.001", "1000: nan", "-5: 0.001", "1E+20: 0.001", "1000: 0.0000001", "1000: -1", "1000:", ":1"]
)
def test_a_tier_is_a_quantity_and_a_price(staff: Client, coming: PriceBook, tiers: str) -> None:
    tts = number_of(coming, "tts-1")
    answer = staff.post(f"/staff/books/{coming.pk}/", posted(coming, **{f"form-{tts}-tiers": tiers}))
    assert (answer.status_code, list(answer.context["formset"].errors[tts])) == (422, ["tiers"])


def test_two_people_do_not_write_over_each_other(staff: Client, coming: PriceBook) -> None:
    address, stale = f"/staff/books/{coming.pk}/", posted(coming, note="Mine")
    staff.post(address, posted(coming, note="Theirs"))
    answer = staff.post(address, stale)
    assert (answer.status_code, "Somebody has changed" in answer.content.decode()) == (422, True)
    assert PriceBook.objects.get(pk=coming.pk).note == "Theirs"


def test_a_book_in_effect_is_only_read(staff: Client, coming: PriceBook) -> None:
    form = posted(coming)
    PriceBook.objects.filter(pk=coming.pk).update(effective_from=timezone.now() - timedelta(days=1))
    before = book_mark(PriceBook.objects.get(pk=coming.pk))
    for path in ("", "delete"):
        staff.post(f"/staff/books/{coming.pk}/{path}", form)
    assert book_mark(PriceBook.objects.get(pk=coming.pk)) == before
    assert "only read" in staff.get(f"/staff/books/{coming.pk}/").content.decode()


def test_a_coming_book_can_be_deleted(staff: Client, coming: PriceBook) -> None:
    assert staff.post(f"/staff/books/{coming.pk}/delete").status_code == 302
    assert not PriceBook.objects.filter(pk=coming.pk).exists()
    assert staff.get(f"/staff/books/{coming.pk}/").status_code == 404


def test_a_tenant_has_a_price_of_its_own(staff: Client, acme: Tenant, globex: Tenant) -> None:
    BillingProfile.objects.create(tenant=acme, currency="EUR")
    given = {"kind": "tts", "provider": "openai", "model": "tts-1", "unit": "1k_characters", "price": "0.01"}
    refused = staff.post("/staff/tenants/acme/prices", given | {"unit": "minute", "note": "Contract"})
    assert (refused.status_code, "is not counted by" in refused.content.decode()) == (422, True)
    staff.post("/staff/tenants/acme/prices", given | {"note": "Contract 7"})
    override = PriceOverride.objects.get()
    assert (override.tenant, override.currency, override.effective_until) == (acme, "EUR", None)
    assert staff.post(f"/staff/tenants/globex/prices/{override.pk}/end").status_code == 404
    staff.post(f"/staff/tenants/acme/prices/{override.pk}/end")
    override.refresh_from_db()
    assert override.effective_until is not None
    assert list(StaffAct.objects.filter(tenant=acme).values_list("kind", flat=True)) == ["override_ended", "override"]
