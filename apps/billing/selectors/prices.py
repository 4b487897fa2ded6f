"""Reads of prices: which book holds when, and what a tenant pays by it."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from apps.billing.models import BillingProfile, PastPrice, PriceBook, PriceOverride
from apps.billing.rating import Rates, base_of
from apps.core.errors import PermanentError
from apps.core.prepared import prepared
from apps.core.schema import schema_current
from apps.tenants.models import Tenant

DEFAULT_CURRENCY = "USD"


@dataclass(frozen=True)
class Pricing:
    """What holds for a tenant at a moment. `book` is None before the currency's first one."""

    currency: str
    book: PriceBook | None
    rates: Rates
    decided: Sequence[PastPrice] = ()


@dataclass(frozen=True)
class Priced:
    """What an entry is rated by: the same as `Pricing` for the models that it names, read in one statement."""

    tenant_id: int
    currency: str
    book_id: UUID | None
    rates: Rates


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str
    provider: str
    model: str
    unit: str
    provider_cost: Decimal
    price: Decimal
    charged: Decimal


# Every entry of every tenant asks this. Sources: 1 the book, 2 the tenant's own prices, 3 what finance decided for the past.
PRICES = """
WITH who AS (SELECT id, COALESCE((SELECT currency FROM billing_billingprofile WHERE tenant_id = tenant.id), 'USD') AS currency
  FROM tenants_tenant tenant WHERE {tenant}),
book AS (SELECT book.id, book.markup FROM billing_pricebook book, who
  WHERE book.currency = who.currency AND book.effective_from <= %(at)s ORDER BY book.effective_from DESC LIMIT 1)
SELECT who.id, who.currency, (SELECT id FROM book), p.* FROM who LEFT JOIN LATERAL (
  SELECT 1 AS source, kind, provider, model, unit, provider_cost, COALESCE(price, provider_cost * (1 + book.markup)) AS price,
    now() AS since FROM billing_price, book WHERE book_id = book.id AND model = ANY(%(models)s)
  UNION ALL SELECT 2, kind, provider, model, unit, 0, price, effective_from FROM billing_priceoverride
  WHERE tenant_id = who.id AND currency = who.currency AND model = ANY(%(models)s)
    AND effective_from <= %(at)s AND (effective_until IS NULL OR effective_until > %(at)s)
  UNION ALL SELECT CASE WHEN tenant_id IS NULL THEN 3 ELSE 4 END, kind, provider, model, unit, provider_cost, price, created_at
  FROM billing_pastprice WHERE (tenant_id IS NULL OR tenant_id = who.id) AND currency = who.currency AND model = ANY(%(models)s)
    AND until > %(at)s AND (since IS NULL OR since <= %(at)s)
) p ON true ORDER BY p.source, p.since
"""


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

    def cuts(self, tenant_id: int, start: datetime, end: datetime, currency: str) -> set[datetime]:
        """The moments within this span at which a tenant's prices change."""
        own = [(row.effective_from, row.effective_until) for row in self._overrides.get(tenant_id, ())]
        decided = [(row.since, row.until) for row in self._decided]
        books = [(book.effective_from, None) for book in self._books.get(currency, [])]
        found = (moment for pair in (*own, *decided, *books) for moment in pair)
        return {moment for moment in found if moment is not None and start < moment < end}

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


def priced_at(tenant: Tenant | None, moment: datetime, models: Iterable[str]) -> Priced:
    """What these models cost a tenant (None: the current one) at a moment, in its currency, in one statement."""
    names = {name for model in models for name in (model, base_of(model))}
    given = {"at": moment, "models": list(names), "tenant": tenant.pk if tenant else schema_current()}
    sql = PRICES.format(tenant="id = %(tenant)s" if tenant else "schema_name = %(tenant)s")
    with prepared(sql, given) as cursor:
        found = cursor.fetchall()
    if not found:
        raise PermanentError(f"There is no company {given['tenant']} that could be billed.")
    sources: dict[int, list[_Row]] = {1: [], 2: [], 3: [], 4: []}
    for *_who, source, kind, provider, model, unit, cost, price, _since in found:
        if source is not None:
            sources[source].append(_Row(kind, provider, model, unit, cost, price, price))
    tenant_id, currency, book_id = found[0][:3]
    return Priced(tenant_id, currency, book_id, Rates(sources[1], sources[2], [*sources[3], *sources[4]]))


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
