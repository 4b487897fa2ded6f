"""The preview: a month as another book would have charged it, to the last place, and nothing written."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from apps.billing import services
from apps.billing.models import LedgerEntry, Part, PriceBook
from apps.billing.rating import millionths
from apps.billing.selectors import book_preview
from apps.billing.selectors.preview import lines_rated
from apps.billing.selectors.prices import rates_of
from apps.billing.services import call_bill, entry_correct, override_set
from apps.tenants.models import Tenant
from tests.billing.factories import USAGE, report_of
from tests.billing.test_metering import AT, BY, LLM, UNHEARD, record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("midday")]
MARCH = date(2026, 3, 1)


@pytest.fixture
def coming() -> PriceBook:
    """A copy of the first book, for tomorrow."""
    return services.price_book_copy(book=services.price_book_seed(), effective_from=timezone.now() + timedelta(days=1))


def preview(book: PriceBook, month: date = MARCH) -> dict[str, dict[str, tuple[Decimal, Decimal, Decimal]]]:
    return {
        one.tenant.schema_name: {part.part: (part.now, part.then, part.difference) for part in one.parts}
        for one in book_preview(book=book, month=month)
    }


def bill(tenant: Tenant, **changes: Any) -> LedgerEntry:
    report = report_of(**changes)
    return call_bill(tenant=tenant, call_id=report["call_id"], report=report).entry


def test_the_same_prices_change_nothing(acme: Tenant, globex: Tenant, coming: PriceBook) -> None:
    for seconds in (61.4, 0, 7.000001, 33.333333):
        bill(acme, duration=seconds)
    entry_correct(entry=bill(acme), usage=USAGE[:2], duration=Decimal("12.3"), reason="Shorter.", by=BY)
    entry_correct(entry=bill(acme), amounts={"tts": Decimal("0.5")}, reason="A gift.", by=BY)
    record(
        acme, [{"kind": "messages", "provider": "meta", "model": "marketing/DE", "billable": False, "type": "free_entry_point"}]
    )
    record(globex, [LLM, UNHEARD])
    override_set(
        tenant=globex,
        kind="llm",
        provider="openai",
        model="gpt-unseen",
        unit="1m_input_tokens",
        price=Decimal(1),
        effective_from=AT,
    )
    count = LedgerEntry.objects.count()
    found = {one.tenant.schema_name: one for one in book_preview(book=coming, month=MARCH)}
    assert {part.difference for one in found.values() for part in one.parts} == {Decimal(0)}
    assert found["acme"].now == found["acme"].then > 0
    assert [(name, one.entries, one.unpriced) for name, one in sorted(found.items())] == [("acme", 7, 0), ("globex", 1, 1)]
    assert LedgerEntry.objects.count() == count


def test_other_prices_show_the_difference_by_part(acme: Tenant, coming: PriceBook) -> None:
    bill(acme, duration=60, usage=[LLM])
    entry_correct(entry=record(acme, [LLM]), usage=[{**LLM, "input_tokens": 2_000_000}], reason="It was more.", by=BY)
    coming.prices.filter(kind="platform", model="call").update(price="0.02")
    coming.prices.filter(model="gpt-4o-mini", unit="1m_input_tokens").update(price="0.25")
    found = preview(coming)["acme"]
    assert found["platform"] == (Decimal("0.01"), Decimal("0.02"), Decimal("0.01"))
    assert found["llm"] == (Decimal("0.45"), Decimal("0.75"), Decimal("0.30"))
    assert found["transport"][2] == 0


LISTENED = {"kind": "stt", "provider": "deepgram", "model": "nova-3", "audio_duration": 7.1, "system": "media-bot"}
USED: list[list[dict[str, Any]]] = [
    [LLM, {**LLM, "input_tokens": 333_333, "input_cached_tokens": 7, "output_tokens": 11}],
    [
        {"kind": "messages", "provider": "meta", "model": "marketing/DE"},
        {"kind": "messages", "provider": "meta", "model": "utility"},
    ],
    [{"kind": "messages", "provider": "meta", "model": "marketing/FR", "messages": 3}],
    [{"kind": "messages", "provider": "meta", "model": "marketing", "billable": False, "type": "free_entry_point"}],
    [LISTENED, {**LISTENED, "audio_duration": 33.333333}],
    [{"kind": "tool", "provider": "meridian", "model": "run", "runs": 2}, LLM],
]
CHANGES: dict[str, Callable[[PriceBook], object]] = {
    "a price": lambda book: book.prices.filter(model="gpt-4o-mini").update(price="0.1234567"),
    "a tie": lambda book: book.prices.filter(unit="minute").update(price="0.00003"),
    "none for a model": lambda book: book.prices.filter(model="gpt-4o-mini").delete(),
    "none for a quantity": lambda book: book.prices.filter(model="gpt-4o-mini", unit="1m_output_tokens").delete(),
    "none for cached": lambda book: book.prices.filter(unit="1m_cached_tokens").delete(),
    "one for a country": lambda book: book.prices.create(
        kind="messages", provider="meta", model="marketing/DE", unit="message", provider_cost="0.1", price="0.2"
    ),
    "one for a category": lambda book: book.prices.filter(model="marketing").update(price="0.9"),
    "one a call": lambda book: book.prices.create(
        kind="stt", provider="deepgram", model="nova-3", unit="call", provider_cost="0.1", price="0.007"
    ),
    "one for Media Bot": lambda book: book.prices.create(
        kind="stt", provider="deepgram", model="nova-3/media-bot", unit="minute", provider_cost="0.0077", price="0.004"
    ),
    "the markup": lambda book: (
        book.prices.update(price=None),
        PriceBook.objects.filter(pk=book.pk).update(markup="0.3333"),
    ),
    "none at all": lambda book: book.prices.all().delete(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_counts_as_entries_are_rated(acme: Tenant, coming: PriceBook, change: str) -> None:
    for seconds in (61.4, 0, 7.000001, 33.333333, 1, 3):
        bill(acme, duration=seconds)
    for usage in USED:
        record(acme, usage)
    CHANGES[change](coming)
    coming.refresh_from_db()
    rates = rates_of(coming)
    counted = [lines_rated(entry.lines, rates) for entry in LedgerEntry.objects.all()]
    [found] = book_preview(book=coming, month=MARCH)
    expected = {part: sum(one.get(part) or 0 for one in counted) for part in Part.values}
    assert {part.part: millionths(part.then) for part in found.parts} == expected
    assert (found.entries, found.unpriced) == (len(counted), sum(None in one.values() for one in counted))


def test_own_prices_stay(acme: Tenant, globex: Tenant, coming: PriceBook) -> None:
    soon = timezone.now()
    override_set(tenant=acme, kind="llm", provider="openai", model="gpt-4o-mini", unit="1m_input_tokens", price=Decimal("0.10"))
    coming.prices.filter(model="gpt-4o-mini").update(price="9")
    for tenant in (acme, globex):
        record(tenant, [LLM], at=soon - timedelta(minutes=1), source_id="before")
        record(tenant, [LLM], at=timezone.now(), source_id="after")
    found = preview(coming, date(soon.year, soon.month, 1))
    assert found["acme"]["llm"] == (Decimal("0.25"), Decimal("9.1"), Decimal("8.85"))
    assert found["globex"]["llm"] == (Decimal("0.30"), Decimal(18), Decimal("17.7"))


def test_months_are_the_tenants_own(acme: Tenant, coming: PriceBook) -> None:
    acme.timezone = "Pacific/Auckland"
    acme.save(update_fields=["timezone"])
    record(acme, [LLM], at=datetime(2026, 2, 28, 12, 0, tzinfo=UTC))  # the first of March there
    assert preview(coming)["acme"]["llm"][0] == Decimal("0.15")
    assert preview(coming, date(2026, 2, 1)) == {}


def test_another_currency_is_left_out(acme: Tenant, coming: PriceBook) -> None:
    record(acme, [LLM])
    euros = services.price_book_create(effective_from=AT, prices=[], currency="EUR")
    assert preview(euros) == {}
