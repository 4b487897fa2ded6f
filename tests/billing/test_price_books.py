"""Price books: seeded once, in effect from a date, unchanged once they are."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.billing import services
from apps.billing.models import LedgerEntry, Price, PriceBook
from apps.billing.pricelist import ROWS
from apps.billing.selectors import price_book_at
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
