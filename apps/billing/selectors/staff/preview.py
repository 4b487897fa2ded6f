"""Last month under a coming book, a few tenants at a time, so that a page can show how far it is."""

import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from apps.billing.models import LedgerEntry, PriceBook
from apps.billing.selectors.preview import TenantPreview, book_preview
from apps.billing.selectors.staff.sums import ZERO, month_bounds
from apps.tenants.models import Tenant

SECONDS = 2.0
A_DAY = timedelta(days=1)  # a tenant's month may begin and end up to a day beside UTC's


@dataclass(frozen=True)
class Progress:
    """`place` tenants of `of` are rated; what they paid and would have paid, and how many entries the book has no price for."""

    place: int = 0
    of: int = 0
    now: Decimal = ZERO
    then: Decimal = ZERO
    unpriced: int = 0

    @property
    def difference(self) -> Decimal:
        return self.then - self.now

    @property
    def over(self) -> bool:
        return self.place >= self.of


def preview_some(
    *, book: PriceBook, month: date, progress: Progress, seconds: float = SECONDS
) -> tuple[list[TenantPreview], Progress]:
    """Goes on from `progress` with one tenant at least, and with more until the seconds are over."""
    start, end = month_bounds(month)
    used = LedgerEntry.objects.filter(currency=book.currency, started_at__gte=start - A_DAY, started_at__lt=end + A_DAY)
    ids = list(used.order_by().values_list("tenant_id", flat=True).distinct())
    tenants = list(Tenant.objects.filter(pk__in=ids).order_by("name", "pk"))
    progress, found = replace(progress, of=len(tenants)), []
    until = time.monotonic() + seconds
    while not progress.over:
        for one in book_preview(book=book, month=month, tenants=[tenants[progress.place]]):
            found.append(one)
            progress = _added(progress, one)
        progress = replace(progress, place=progress.place + 1)
        if time.monotonic() >= until:
            break
    return found, progress


def _added(progress: Progress, one: TenantPreview) -> Progress:
    return replace(progress, now=progress.now + one.now, then=progress.then + one.then, unpriced=progress.unpriced + one.unpriced)
