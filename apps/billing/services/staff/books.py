"""Price books before they take effect: copied, changed as a whole, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.billing.models import Price, PriceBook, PriceTier, StaffAct
from apps.billing.services.prices import COLUMNS, price_book_create, prices_check
from apps.billing.services.staff.acts import act_record
from apps.core.errors import PermanentError

Row = dict[str, Any]  # COLUMNS, and tiers: a list of {"above", "unit_price"}


@dataclass(frozen=True)
class BookHead:
    """What a book says of itself. `markup` 0.25 is 25 %."""

    effective_from: datetime
    markup: Decimal
    note: str


def book_rows(book: PriceBook) -> list[Row]:
    """Its prices as the editor has them."""
    return [
        {name: getattr(price, name) for name in COLUMNS}
        | {"tiers": [{"above": tier.above, "unit_price": tier.unit_price} for tier in price.tiers.all()]}
        for price in book.prices.prefetch_related("tiers")
    ]


def book_mark(book: PriceBook) -> str:
    """Changes whenever the book does, so that nobody writes over what somebody else has changed meanwhile."""
    return sha256(repr((book.effective_from, book.markup, book.note, book_rows(book))).encode()).hexdigest()[:16]


@transaction.atomic
def book_copy(*, book: PriceBook, effective_from: datetime, currency: str, by: str) -> PriceBook:
    """A new version with the prices, tiers and markup of another one; in another currency the numbers stay, to be changed.

    Raises PermanentError for a moment that is not to come, or that another book of the currency begins at.
    """
    _moment_check(effective_from)
    note = _("Copy of version %(version)s") % {"version": book.version}
    try:
        with transaction.atomic():
            copy = price_book_create(
                effective_from=effective_from, prices=book_rows(book), currency=currency, markup=book.markup, note=note
            )
    except IntegrityError as error:
        raise PermanentError(_moment_taken(currency)) from error
    act_record(kind=StaffAct.Kind.BOOK_MADE, subject=f"{copy} ({copy.currency})", reason=note, by=by)
    return copy


@transaction.atomic
def book_change(*, book: PriceBook, head: BookHead, rows: Sequence[Row], mark: str, by: str) -> PriceBook:
    """Writes a coming book anew. Raises PermanentError when it is in effect, was changed since `mark`, or contradicts itself."""
    kept = _coming(book)
    if book_mark(kept) != mark:
        raise PermanentError(_("Somebody has changed this book meanwhile. Load the page again, and make your changes there."))
    _moment_check(head.effective_from)
    kept.effective_from, kept.markup, kept.note = head.effective_from, head.markup, head.note
    try:
        with transaction.atomic():
            kept.save(update_fields=["effective_from", "markup", "note"])
    except IntegrityError as error:
        raise PermanentError(_moment_taken(kept.currency)) from error
    prices, tiers = prices_of(kept, rows)
    prices_check(prices, tiers)
    kept.prices.all().delete()
    Price.objects.bulk_create(prices)
    PriceTier.objects.bulk_create(tiers)
    act_record(kind=StaffAct.Kind.BOOK_CHANGED, subject=f"{kept} ({kept.currency})", by=by)
    return kept


@transaction.atomic
def book_delete(*, book: PriceBook, by: str) -> None:
    """Takes a coming book away. Raises PermanentError when it is in effect."""
    kept = _coming(book)
    act_record(kind=StaffAct.Kind.BOOK_DELETED, subject=f"{kept} ({kept.currency})", by=by)
    kept.delete()


def prices_of(book: PriceBook, rows: Sequence[Row]) -> tuple[list[Price], list[PriceTier]]:
    """The rows as prices and tiers that are not saved."""
    prices = [Price(book=book, **{name: row[name] for name in COLUMNS}) for row in rows]
    tiers = [
        PriceTier(price=price, above=tier["above"], unit_price=tier["unit_price"])
        for price, row in zip(prices, rows, strict=True)
        for tier in row["tiers"]
    ]
    return prices, tiers


def _coming(book: PriceBook) -> PriceBook:
    kept = PriceBook.objects.select_for_update().filter(pk=book.pk).first()
    if kept is None:
        raise PermanentError(_("This book is gone: somebody has deleted it."))
    if kept.in_effect:
        raise PermanentError(_("This book is in effect and no longer changes. Copy it, and change the copy."))
    return kept


def _moment_check(moment: datetime) -> None:
    if moment <= timezone.now():
        raise PermanentError(_("A price book takes effect in the future; what was billed stays as it is."))


def _moment_taken(currency: str) -> str:
    return _("Another book in %(currency)s takes effect at that moment. Choose another one.") % {"currency": currency}
