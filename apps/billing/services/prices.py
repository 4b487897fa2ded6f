"""Every write to price books."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from apps.billing.models import Price, PriceBook
from apps.billing.pricelist import EFFECTIVE_FROM, NOTE, ROWS
from apps.billing.rating import UNITS
from apps.core.errors import PermanentError


def price_book_create(
    *, effective_from: datetime, prices: list[dict[str, Any]], currency: str = "USD", markup: Decimal | str = "0", note: str = ""
) -> PriceBook:
    """Adds a version of the price book with these prices. Raises PermanentError when two of them contradict each other."""
    unsaved = [Price(**price) for price in prices]
    prices_check(unsaved)
    with transaction.atomic():
        number = (PriceBook.objects.aggregate(Max("version"))["version__max"] or 0) + 1
        book = PriceBook.objects.create(
            version=number, effective_from=effective_from, currency=currency, markup=Decimal(markup), note=note
        )
        for price in unsaved:
            price.book = book
        Price.objects.bulk_create(unsaved)
    return book


def price_book_copy(*, book: PriceBook, effective_from: datetime) -> PriceBook:
    """A new version with the prices of another one, to be changed before it takes effect."""
    if effective_from <= timezone.now():
        raise PermanentError("A price book takes effect in the future; what was billed stays as it is.")
    columns = ("kind", "provider", "model", "unit", "provider_cost", "price", "note")
    prices = [{name: getattr(price, name) for name in columns} for price in book.prices.all()]
    note = f"Copy of version {book.version}"
    return price_book_create(effective_from=effective_from, prices=prices, currency=book.currency, note=note)


def price_book_seed() -> PriceBook:
    """The book that Meridian comes with, made when there is no book at all; doing it again changes nothing."""
    book = PriceBook.objects.order_by("version").first()
    if book is not None:
        return book
    columns = ("kind", "provider", "model", "unit", "provider_cost", "price", "note")
    prices = [dict(zip(columns, row, strict=True)) for row in ROWS]
    try:
        with transaction.atomic():
            return price_book_create(effective_from=EFFECTIVE_FROM, prices=prices, note=NOTE)
    except IntegrityError:
        return PriceBook.objects.order_by("version")[0]


def prices_check(prices: list[Price]) -> None:
    """Raises PermanentError when a model is priced twice for the same thing, such as per second and per minute."""
    seen: set[tuple[str, str, str, str]] = set()
    for price in prices:
        key = (price.kind, price.provider, price.model, UNITS[price.unit][0])
        if key in seen:
            raise PermanentError(f"{price.provider} {price.model} has two prices for {key[3].replace('_', ' ')}; keep one.")
        seen.add(key)
