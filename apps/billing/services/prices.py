"""Every write to prices: books, and what single tenants pay."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.billing.models import Kind, Price, PriceBook, PriceOverride, PriceTier, Unit
from apps.billing.pricelist import EFFECTIVE_FROM, NOTE, ROWS
from apps.billing.rating import UNITS
from apps.billing.selectors.prices import overrides_at, price_book_at
from apps.billing.services.rerate import rerate_soon
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

COLUMNS = ("kind", "provider", "model", "unit", "provider_cost", "price", "note")
NOW = timedelta(seconds=10)  # a moment that was now when somebody named it
TOKENS = {"input_tokens", "cached_tokens", "output_tokens"}
# What usage of a kind is counted in: a price for anything else would never be found.
COUNTED: dict[str, set[str]] = {
    Kind.TRANSPORT: {"seconds", "calls"},
    Kind.STT: {"seconds", "calls"},
    Kind.LLM: TOKENS | {"calls"},
    Kind.TTS: {"characters", "calls"},
    Kind.MESSAGES: {"messages"},
    Kind.PLATFORM: {"seconds", "calls", "turns", "messages", "runs"},
    Kind.EMBEDDING: {"input_tokens"},
    Kind.RECORDING: {"seconds", "calls"},
    Kind.TOOL: {"runs"},
}


def price_book_create(
    *, effective_from: datetime, prices: list[dict[str, Any]], currency: str = "USD", markup: Decimal | str = "0", note: str = ""
) -> PriceBook:
    """Adds a version of a currency's price book. A price may be None (the markup makes it) and have `tiers` (above, unit_price).

    Raises PermanentError where prices contradict each other, or where a book of the currency is in effect at that moment already
    and what was billed by it would be another's.
    """
    if effective_from < timezone.now() - NOW and price_book_at(effective_from, currency) is not None:
        raise PermanentError(_("A price book takes effect in the future; what was billed stays as it is."))
    with transaction.atomic():
        book = _book_next(effective_from, currency, Decimal(markup), note)
        unsaved, tiers = _unsaved(book, prices)
        prices_check(unsaved, tiers)
        Price.objects.bulk_create(unsaved)
        PriceTier.objects.bulk_create(tiers)
        rerate_soon(effective_from)
    return book


def price_book_copy(*, book: PriceBook, effective_from: datetime) -> PriceBook:
    """A new version with the prices, tiers and markup of another one, to be changed before it takes effect."""
    if effective_from <= timezone.now():
        raise PermanentError(_("A price book takes effect in the future; what was billed stays as it is."))
    prices = [
        {name: getattr(price, name) for name in COLUMNS}
        | {"tiers": [{"above": tier.above, "unit_price": tier.unit_price} for tier in price.tiers.all()]}
        for price in book.prices.prefetch_related("tiers")
    ]
    note = _("Copy of version %(version)s") % {"version": book.version}
    return price_book_create(effective_from=effective_from, prices=prices, currency=book.currency, markup=book.markup, note=note)


def price_book_seed() -> PriceBook:
    """The book that Meridian comes with, made when there is no book at all; doing it again changes nothing."""
    book = PriceBook.objects.order_by("version").first()
    if book is not None:
        return book
    prices = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
    try:
        with transaction.atomic():
            return price_book_create(effective_from=EFFECTIVE_FROM, prices=prices, note=NOTE)
    except IntegrityError:
        return PriceBook.objects.order_by("version")[0]


def prices_check(prices: Sequence[Price], tiers: Iterable[PriceTier] = ()) -> None:
    """Raises PermanentError for a model that is priced twice for the same thing, or in what it is not counted in, and for tiers
    that do not get cheaper the more is used."""
    seen: set[tuple[str, str, str, str]] = set()
    for price in prices:
        quantity = UNITS[price.unit][0]
        if quantity not in COUNTED[price.kind]:
            raise PermanentError(_unit_sentence(price))
        key = (price.kind, price.provider, price.model, quantity)
        if key in seen:
            raise PermanentError(f"{price.provider} {price.model} has two prices for {quantity.replace('_', ' ')}; keep one.")
        seen.add(key)
    by_price: dict[Any, list[PriceTier]] = {}
    for tier in tiers:
        by_price.setdefault(tier.price.pk, []).append(tier)
    for steps in by_price.values():
        _tiers_check(steps[0].price, steps)


@transaction.atomic
def override_set(
    *,
    tenant: Tenant,
    kind: str,
    provider: str,
    model: str,
    unit: str,
    price: Decimal,
    currency: str = "USD",
    effective_from: datetime | None = None,
    effective_until: datetime | None = None,
    note: str = "",
) -> PriceOverride:
    """A tenant's own price from a moment on, now where none is named; what it pays for the same thing by then ends there.

    It reaches into the past only where nothing had a price then: what was billed stays as it is. Raises PermanentError.
    """
    now = timezone.now()
    start = effective_from or now
    override = PriceOverride(
        tenant=tenant, kind=kind, provider=provider, model=model, unit=unit, currency=currency, price=price, note=note
    )
    override.effective_from, override.effective_until = start, effective_until
    _override_check(override)
    if start < now - NOW and _priced_since(override, start, now):
        raise PermanentError(_("This had a price then, and what was billed stays as it is. Choose a moment from now on."))
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    for running in _others(override):
        running.effective_until = start
        running.save(update_fields=["effective_until"])
    kept, _created = PriceOverride.objects.update_or_create(
        **{
            name: getattr(override, name)
            for name in ("tenant", "currency", "kind", "provider", "model", "unit", "effective_from")
        },
        defaults={"price": price, "effective_until": effective_until, "note": note},
    )
    rerate_soon(start)
    return kept


def override_end(*, override: PriceOverride, at: datetime | None = None) -> PriceOverride:
    """Ends a tenant's own price at a moment from now on; the book's counts again. Raises PermanentError for the past."""
    now = timezone.now()
    moment = at or now
    if moment < now:
        raise PermanentError(_("A price ends from now on; what was billed by it stays as it is."))
    if override.effective_until is not None and override.effective_until <= now:
        raise PermanentError(_("This price has ended already."))
    override.effective_until = max(moment, override.effective_from)
    override.save(update_fields=["effective_until"])
    return override


def _book_next(effective_from: datetime, currency: str, markup: Decimal, note: str) -> PriceBook:
    """The newest book is locked, so that two people at once get two numbers."""
    last = PriceBook.objects.select_for_update().order_by("-version").first()
    number = last.version + 1 if last else 1
    return PriceBook.objects.create(
        version=number, effective_from=effective_from, currency=currency, markup=markup, note=note[:200]
    )


def _unsaved(book: PriceBook, prices: Iterable[dict[str, Any]]) -> tuple[list[Price], list[PriceTier]]:
    rows, tiers = [], []
    for values in prices:
        steps = values.get("tiers", ())
        price = Price(book=book, **{name: value for name, value in values.items() if name != "tiers"})
        price.provider_cost = Decimal(price.provider_cost)
        price.price = None if price.price is None else Decimal(price.price)
        rows.append(price)
        tiers += [PriceTier(price=price, above=Decimal(step["above"]), unit_price=Decimal(step["unit_price"])) for step in steps]
    return rows, tiers


def _tiers_check(price: Price, tiers: Sequence[PriceTier]) -> None:
    """In the order of their quantities each has to be cheaper than what came before."""
    above, cheapest = Decimal(0), Decimal(price.charged)
    for tier in tiers:
        if tier.above <= above:
            raise PermanentError(f"The tiers of {price.provider} {price.model} have to ascend; {tier.above:f} does not.")
        if tier.unit_price >= cheapest:
            raise PermanentError(
                f"{price.provider} {price.model} costs {tier.unit_price:f} above {tier.above:f}, which is no less than before."
            )
        above, cheapest = tier.above, tier.unit_price


def _unit_sentence(price: Price | PriceOverride) -> str:
    units = [unit.label for unit in Unit if UNITS[unit][0] in COUNTED[price.kind]]
    values = {"kind": Kind(price.kind).label, "unit": Unit(price.unit).label, "units": ", ".join(map(str, units))}
    return _("%(kind)s is not counted by %(unit)s. Give its price for one of: %(units)s.") % values


def _override_check(override: PriceOverride) -> None:
    if override.kind not in COUNTED or override.unit not in UNITS:
        raise PermanentError(_("There is nothing of this kind or unit that could have a price."))
    if UNITS[override.unit][0] not in COUNTED[override.kind]:
        raise PermanentError(_unit_sentence(override))
    if override.price < 0:
        raise PermanentError(_("A price is nothing or more."))
    if override.effective_until is not None and override.effective_until <= override.effective_from:
        raise PermanentError(_("A price ends after it began."))


def _others(override: PriceOverride) -> list[PriceOverride]:
    """What else the tenant pays for the same thing at the moment when the new price begins, whatever unit it is in."""
    rows = overrides_at(override.tenant, override.effective_from, override.currency)
    quantity = UNITS[override.unit][0]
    same = (override.kind, override.provider, override.model, quantity)
    found = [row for row in rows if (row.kind, row.provider, row.model, UNITS[row.unit][0]) == same]
    return [row for row in found if row.effective_from < override.effective_from or row.unit != override.unit]


def _priced_since(override: PriceOverride, start: datetime, now: datetime) -> bool:
    """Whether a book, or a price of the tenant's own, knew the thing at any moment since."""
    first = price_book_at(start, override.currency)
    books = PriceBook.objects.filter(currency=override.currency, effective_from__gt=start, effective_from__lte=now)
    pks = [book.pk for book in (first, *books) if book is not None]
    same = {"kind": override.kind, "provider": override.provider, "model": override.model}
    own = PriceOverride.objects.filter(tenant=override.tenant, currency=override.currency, effective_from__lte=now, **same)
    return Price.objects.filter(book__in=pks, **same).exists() or own.exclude(effective_until__lte=start).exists()
