"""Giving a price to what has none: from now on by a new version of the book, and for what was used so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.billing.models import PriceBook, StaffAct
from apps.billing.selectors.prices import price_book_at
from apps.billing.services.prices import price_book_create, prices_check
from apps.billing.services.rerate import past_price_from_book
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.billing.services.staff.books import Row, book_rows, prices_of
from apps.core.errors import PermanentError

SOON = timedelta(minutes=1)


@dataclass(frozen=True)
class UnitPrice:
    """What one unit costs the platform and its customers."""

    unit: str
    provider_cost: Decimal
    price: Decimal


@transaction.atomic
def missing_price_set(
    *, kind: str, provider: str, model: str, currency: str, prices: Sequence[UnitPrice], reason: str, by: str
) -> PriceBook:
    """A new version of the book with these prices, in effect in a minute; they count for all that was used before, too.

    Books of the currency that are still to come get them as well. What waits is charged by a task after the commit.
    Raises PermanentError without a reason, for prices that contradict each other, and where there is no book or a price already.
    """
    sentence, now = reason_checked(reason), timezone.now()
    current = price_book_at(now, currency)
    if current is None:
        raise PermanentError(_("There is no price book in %(currency)s. Make one first.") % {"currency": currency})
    rows: list[Row] = [
        {"kind": kind, "provider": provider, "model": model, "note": "", "tiers": [], **vars(price)} for price in prices
    ]
    begins = now + SOON
    for coming in PriceBook.objects.select_for_update().filter(currency=currency, effective_from__gt=now):
        begins = min(begins, coming.effective_from - timedelta(seconds=1)) if coming.effective_from <= begins else begins
        _append(coming, rows)
    known = book_rows(current)
    if any((row["kind"], row["provider"], row["model"]) == (kind, provider, model) for row in known):
        raise PermanentError(_("The book in effect has a price for it already. What was used before is being charged."))
    note = _("Version %(version)s with %(model)s") % {"version": current.version, "model": f"{provider} {model}"}
    book = price_book_create(
        effective_from=begins, prices=[*known, *rows], currency=currency, markup=current.markup, note=note[:200]
    )
    past_price_from_book(book=book, kind=kind, provider=provider, model=model, reason=sentence, by=by)
    act_record(kind=StaffAct.Kind.PRICED, subject=f"{provider} {model} ({currency})", reason=sentence, by=by)
    return book


def _append(book: PriceBook, rows: Sequence[Row]) -> None:
    """Adds what a coming book lacks; where it knows the model, its own prices stay."""
    first = rows[0]
    if book.prices.filter(kind=first["kind"], provider=first["provider"], model=first["model"]).exists():
        return
    prices, _tiers = prices_of(book, rows)
    prices_check([*book.prices.all(), *prices])
    for price in prices:
        price.save()
