"""Reads of prices: which book holds when, and what a tenant pays by it."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from apps.billing.models import BillingProfile, PastPrice, PriceBook, PriceOverride
from apps.billing.rating import Rates
from apps.tenants.models import Tenant

DEFAULT_CURRENCY = "USD"


@dataclass(frozen=True)
class Pricing:
    """What holds for a tenant at a moment. `book` is None before the currency's first one."""

    currency: str
    book: PriceBook | None
    rates: Rates
    decided: Sequence[PastPrice] = ()


class Shelf:
    """Every book, own price and decision, read once, for work that prices entries of many tenants and moments."""

    def __init__(self) -> None:
        self._books: dict[str, list[PriceBook]] = {}
        for book in PriceBook.objects.order_by("effective_from"):
            self._books.setdefault(book.currency, []).append(book)
        self._overrides: dict[int, list[PriceOverride]] = {}
        for override in PriceOverride.objects.order_by("effective_from", "created_at"):
            self._overrides.setdefault(override.tenant_id, []).append(override)
        self._decided = list(PastPrice.objects.order_by(F("tenant").asc(nulls_first=True), "created_at"))
        self._made: dict[tuple[object, ...], Pricing] = {}

    def at(self, tenant_id: int, moment: datetime, currency: str, book: PriceBook | None = None) -> Pricing:
        """As `pricing_at`, without asking the database; with `book` in the place of the one that was in effect."""
        found = book or self._book(moment, currency)
        own = [row for row in self._overrides.get(tenant_id, ()) if _holds(row, moment) and row.currency == currency]
        decided = [row for row in self._decided if row.tenant_id in (None, tenant_id) and _covers(row, moment, currency)]
        key = (found and found.pk, currency, *(row.pk for row in own), *(row.pk for row in decided))
        if key not in self._made:
            self._made[key] = Pricing(currency, found, rates_of(found, own, decided), decided)
        return self._made[key]

    def _book(self, moment: datetime, currency: str) -> PriceBook | None:
        books = self._books.get(currency, [])
        place = bisect_right(books, moment, key=lambda book: book.effective_from)
        return books[place - 1] if place else None


def _holds(override: PriceOverride, moment: datetime) -> bool:
    return override.effective_from <= moment and (override.effective_until is None or override.effective_until > moment)


def _covers(decision: PastPrice, moment: datetime, currency: str) -> bool:
    begun = decision.since is None or decision.since <= moment
    return begun and decision.until > moment and decision.currency == currency


def tenant_currency(tenant: Tenant) -> str:
    """ISO 4217: what the tenant's prices and invoices are in."""
    found = BillingProfile.objects.filter(tenant=tenant).values_list("currency", flat=True).first()
    return found or DEFAULT_CURRENCY


def price_book_at(moment: datetime, currency: str = DEFAULT_CURRENCY) -> PriceBook | None:
    """The price book of a currency in effect at a moment, or None before the first one."""
    return _books(moment).filter(currency=currency).first()


def pricing_at(tenant: Tenant, moment: datetime, currency: str = "") -> Pricing:
    """The book, and the tenant's own prices, at a moment; in the tenant's currency where none is named."""
    if currency:
        book = price_book_at(moment, currency)
    else:
        own = BillingProfile.objects.filter(tenant=tenant).values("currency")[:1]
        book = _books(moment).filter(currency=Coalesce(Subquery(own), Value(DEFAULT_CURRENCY))).first()
        currency = book.currency if book else tenant_currency(tenant)
    decided = decided_at(tenant, moment, currency)
    return Pricing(currency, book, rates_of(book, overrides_at(tenant, moment, currency), decided), decided)


def rates_of(book: PriceBook | None, overrides: Iterable[PriceOverride] = (), decided: Iterable[PastPrice] = ()) -> Rates:
    """The tariffs of a book, with a tenant's own prices and what finance decided for what had none."""
    return Rates(book.prices.select_related("book") if book else (), overrides, decided)


def overrides_at(tenant: Tenant, moment: datetime, currency: str) -> list[PriceOverride]:
    """A tenant's own prices in force at a moment, a newer one of the same thing after an older one, which it replaces."""
    rows = PriceOverride.objects.filter(tenant=tenant, currency=currency, effective_from__lte=moment)
    return list(rows.filter(Q(effective_until=None) | Q(effective_until__gt=moment)).order_by("effective_from", "created_at"))


def decided_at(tenant: Tenant, moment: datetime, currency: str) -> list[PastPrice]:
    """What finance decided for use at a moment that had no price; the last of the same thing counts."""
    rows = PastPrice.objects.filter(Q(tenant=None) | Q(tenant=tenant), currency=currency, until__gt=moment)
    rows = rows.filter(Q(since=None) | Q(since__lte=moment))
    return list(rows.order_by(F("tenant").asc(nulls_first=True), "created_at"))


def _books(moment: datetime) -> "QuerySet[PriceBook]":
    return PriceBook.objects.filter(effective_from__lte=moment).order_by("-effective_from")
