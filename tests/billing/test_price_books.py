"""Price books: seeded once, in effect from a date, unchanged once they are."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.billing import services
from apps.billing.models import LedgerEntry, Price, PriceBook, PriceOverride
from apps.billing.pricelist import ROWS
from apps.billing.rating import MICRO, millionths
from apps.billing.selectors import price_book_at
from apps.billing.selectors.prices import priced_at, pricing_at, rates_of
from apps.billing.services import call_bill
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant
from tests.billing.factories import report_of

pytestmark = pytest.mark.django_db


def test_the_first_book_comes_with_the_database() -> None:
    book = services.price_book_seed()
    assert services.price_book_seed() == book
    assert (PriceBook.objects.count(), book.version, book.currency) == (1, 1, "USD")
    assert book.prices.count() == len(ROWS)


@pytest.mark.parametrize(
    ("kind", "provider", "models"),
    [
        ("stt", "deepgram", ["nova-3"]),
        ("stt", "openai", ["gpt-4o-transcribe", "whisper-1", "whisper-tiny.en"]),
        ("llm", "openai", ["gpt-4o", "gpt-4o-mini", "smollm2-135m"]),
        ("tts", "openai", ["gpt-4o-mini-tts", "piper", "tts-1"]),
        ("tts", "elevenlabs", ["eleven_flash_v2_5", "eleven_multilingual_v2", "eleven_turbo_v2_5"]),
        ("transport", "livekit", ["sip", "webrtc"]),
        ("platform", "meridian", ["call"]),
    ],
)
def test_what_the_first_book_knows(kind: str, provider: str, models: list[str]) -> None:
    found = Price.objects.filter(book__version=1, kind=kind, provider=provider, price__gt=0).values_list("model", flat=True)
    assert set(models) <= set(found)


def test_a_seeded_database_is_seeded_from_the_list_alone() -> None:
    PriceBook.objects.all().delete()
    book = services.price_book_seed()
    assert {(p.kind, p.provider, p.model, p.unit, p.price) for p in book.prices.all()} == {
        (kind, provider, model, unit, Decimal(price)) for kind, provider, model, unit, _, price, _ in ROWS
    }


def test_a_call_is_priced_by_the_book_of_its_start(acme: Tenant) -> None:
    first = services.price_book_seed()
    later = services.price_book_copy(book=first, effective_from=timezone.now() + timedelta(days=1))
    later.prices.filter(kind="platform").update(price=Decimal("1"))
    assert (later.version, later.prices.count(), later.in_effect) == (2, len(ROWS), False)
    assert price_book_at(timezone.now()) == first
    assert price_book_at(timezone.now() + timedelta(days=2)) == later
    report = report_of()
    call_bill(tenant=acme, call_id=report["call_id"], report=report)
    assert LedgerEntry.objects.get().price_book == first


def test_a_book_cannot_change_the_past() -> None:
    with pytest.raises(PermanentError, match="future"):
        services.price_book_copy(book=services.price_book_seed(), effective_from=timezone.now())


def row(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "stt",
        "provider": "openai",
        "model": "m",
        "unit": "minute",
        "provider_cost": "0",
        "price": "1",
        **changes,
    }


def test_two_prices_for_the_same_thing_are_refused() -> None:
    prices = [row(), row(unit="second")]
    with pytest.raises(PermanentError, match="two prices for seconds"):
        services.price_book_create(effective_from=timezone.now(), prices=prices)


@pytest.mark.parametrize("changes", [{"price": "-1"}, {"provider_cost": "-1"}])
def test_prices_are_not_negative(changes: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        services.price_book_create(effective_from=timezone.now(), prices=[row(**changes)])


def test_copies_have_the_tiers_and_the_markup(acme: Tenant) -> None:
    tiers = [{"above": "1000", "unit_price": "0.9"}, {"above": "5000", "unit_price": "0.8"}]
    prices = [row(tiers=tiers), row(model="n", price=None, provider_cost="2")]
    soon = timezone.now() + timedelta(days=1)
    book = services.price_book_create(effective_from=soon, prices=prices, markup="0.25")
    copy = services.price_book_copy(book=book, effective_from=soon + timedelta(days=1))
    assert (copy.markup, copy.prices.get(model="n").charged) == (Decimal("0.25"), Decimal("2.5"))
    assert list(copy.prices.get(model="m").tiers.values_list("above", "unit_price")) == [
        (1000, Decimal("0.9")),
        (5000, Decimal("0.8")),
    ]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"unit": "1k_characters"}, "Speech to text is not counted by 1,000 characters"),
        ({"kind": "messages", "unit": "minute"}, "not counted by minute"),
        ({"kind": "llm", "unit": "turn"}, "not counted by answer"),
        ({"tiers": [{"above": "9", "unit_price": "0.5"}, {"above": "9", "unit_price": "0.4"}]}, "have to ascend"),
        ({"tiers": [{"above": "9", "unit_price": "0.5"}, {"above": "3", "unit_price": "0.4"}]}, "have to ascend"),
        ({"tiers": [{"above": "9", "unit_price": "1"}]}, "no less than before"),
        ({"tiers": [{"above": "9", "unit_price": "0.5"}, {"above": "10", "unit_price": "0.6"}]}, "no less than before"),
    ],
)
def test_prices_that_contradict_themselves_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    count = PriceBook.objects.count()
    with pytest.raises(PermanentError, match=sentence):
        services.price_book_create(effective_from=timezone.now(), prices=[row(**wrong)])
    assert PriceBook.objects.count() == count


def override(tenant: Tenant, **changes: Any) -> PriceOverride:
    values = {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "unit": "1m_input_tokens", "price": Decimal("0.1")}
    return services.override_set(tenant=tenant, **{**values, **changes})


def test_an_own_price_takes_the_place_of_the_one_before(acme: Tenant, globex: Tenant) -> None:
    soon = timezone.now() + timedelta(days=1)
    first = override(acme)
    second = override(acme, unit="1k_input_tokens", price=Decimal("0.0002"), effective_from=soon)
    other = override(globex)
    first.refresh_from_db()
    other.refresh_from_db()
    assert (first.effective_until, second.effective_until, other.effective_until) == (soon, None, None)
    ended = services.override_end(override=second)
    assert ended.effective_until == soon  # it had not begun
    services.override_end(override=other)
    with pytest.raises(PermanentError, match="has ended"):
        services.override_end(override=other)


def test_of_own_prices_from_the_same_moment_the_last_one_set_counts(acme: Tenant) -> None:
    """In whichever unit: reports are rated by one statement, corrections by another, and both have to find it."""
    soon = timezone.now() + timedelta(days=1)
    for unit, price in (("1m_input_tokens", "0.1"), ("1k_input_tokens", "0.0002"), ("1m_input_tokens", "0.3")):
        override(acme, unit=unit, price=Decimal(price), effective_from=soon)
        million = {"input_tokens": 1_000_000 * MICRO}
        expected = millionths(Decimal(price)) * (1000 if unit.startswith("1k") else 1)
        for priced in (priced_at(acme, soon, ["gpt-4o-mini"]), pricing_at(acme, soon)):
            tariff = priced.rates.of("llm", "openai", "gpt-4o-mini")
            assert tariff is not None and tariff.charge(million) == expected


@pytest.mark.parametrize(
    "wrong",
    [{"unit": "minute"}, {"kind": "video"}, {"price": Decimal(-1)}, {"effective_until": timezone.now() - timedelta(days=1)}],
)
def test_own_prices_without_sense_are_refused(acme: Tenant, wrong: dict[str, Any]) -> None:
    with pytest.raises(PermanentError):
        override(acme, **wrong)


def test_an_own_price_reaches_back_only_where_there_was_none(acme: Tenant) -> None:
    past = timezone.now() - timedelta(days=3)
    with pytest.raises(PermanentError, match="had a price then"):
        override(acme, effective_from=past)
    override(acme, model="gpt-unheard", effective_from=past)
    with pytest.raises(PermanentError, match="had a price then"):
        override(acme, model="gpt-unheard", effective_from=past + timedelta(days=1))
    with pytest.raises(PermanentError, match="from now on"):
        services.override_end(override=PriceOverride.objects.get(), at=past)


def test_a_country_without_a_price_of_its_own_costs_what_its_category_does() -> None:
    book = services.price_book_seed()
    rates = rates_of(book)
    assert rates.of("messages", "meta", "marketing/DE") == rates.of("messages", "meta", "marketing")
    assert rates.of("messages", "meta", "unheard/DE") is None


def test_installations_that_exist_get_the_prices_of_what_is_counted_now() -> None:
    book = services.price_book_seed()
    book.prices.filter(kind__in=["tool", "embedding", "messages", "recording"]).delete()
    migration = import_module("apps.billing.migrations.0006_metering")
    migration.complete(apps, None)
    migration.complete(apps, None)
    newest = PriceBook.objects.first()
    assert newest is not None
    assert (PriceBook.objects.count(), newest.version, newest.in_effect, newest.prices.count()) == (2, 2, True, len(ROWS))
    PriceBook.objects.filter(pk=newest.pk).update(note="Ours")
    newest.prices.filter(kind="tool").delete()
    migration.complete(apps, None)
    assert PriceBook.objects.count() == 2
