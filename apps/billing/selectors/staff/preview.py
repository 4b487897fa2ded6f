"""Last month under a coming book, a few tenants at a time, and a large one day by day, so that a page can show how far it is."""

import time
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Exists, OuterRef

from apps.billing.models import LedgerEntry, PriceBook
from apps.billing.selectors.preview import Count, TenantPreview, month_spans, span_count, tenant_preview
from apps.billing.selectors.preview_lines import PARTS
from apps.billing.selectors.prices import Shelf
from apps.billing.selectors.staff.sums import ZERO, month_bounds
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

SECONDS = 2.0
A_DAY = timedelta(days=1)  # a tenant's month may begin and end up to a day beside UTC's


@dataclass(frozen=True)
class Piece:
    """How far the tenant at `place` is: pieces of its month `done` of `of`, and what they come to."""

    done: int = 0
    of: int = 1
    count: Count = field(default_factory=Count)

    @property
    def text(self) -> str:
        """For an address; nothing at a tenant's beginning."""
        one = self.count
        numbers = [self.done, self.of, one.entries, one.unpriced, *one.now.values(), *one.then.values()]
        return ".".join(map(str, numbers)) if self.done else ""


def piece_read(text: str) -> Piece:
    """The other way round. Raises PermanentError for what is none."""
    if not text:
        return Piece()
    try:
        done, of, entries, unpriced, *sums = map(int, text.split("."))
        now, then = (dict(zip(PARTS, half, strict=True)) for half in (sums[: len(PARTS)], sums[len(PARTS) :]))
    except ValueError as error:
        raise PermanentError("This is no piece of a preview.") from error
    return Piece(max(0, done), max(1, of), Count(now, then, entries, unpriced))


@dataclass(frozen=True)
class Progress:
    """`place` tenants of `of` are rated, and a `piece` of the next; what they paid and would have paid, and how many entries
    the book has no price for.
    """

    place: int = 0
    of: int = 0
    now: Decimal = ZERO
    then: Decimal = ZERO
    unpriced: int = 0
    piece: Piece = field(default_factory=Piece)

    @property
    def difference(self) -> Decimal:
        return self.then - self.now

    @property
    def over(self) -> bool:
        return self.place >= self.of

    @property
    def percent(self) -> int:
        """How much of it is done, as far as tenants are alike."""
        return int(100 * (self.place + self.piece.done / self.piece.of) / self.of) if self.of else 100


def preview_some(
    *, book: PriceBook, month: date, progress: Progress, seconds: float = SECONDS
) -> tuple[list[TenantPreview], Progress]:
    """Goes on from `progress` with one piece of a tenant's month at least, and with more until the seconds are over.

    Returns the tenants that are done now.
    """
    start, end = month_bounds(month)
    used = LedgerEntry.objects.filter(
        tenant=OuterRef("pk"), currency=book.currency, started_at__gte=start - A_DAY, started_at__lt=end + A_DAY
    )
    tenants = list(Tenant.objects.filter(Exists(used)).order_by("name", "pk"))
    progress, shelf = replace(progress, of=len(tenants)), Shelf()
    found: list[TenantPreview] = []
    until = time.monotonic() + seconds
    while not progress.over:
        tenant = tenants[progress.place]
        piece = _go_on(tenant, book, month, shelf, progress.piece, until)
        if piece.done < piece.of:
            return found, replace(progress, piece=piece)
        if piece.count.entries:
            found.append(tenant_preview(tenant, book, piece.count))
        progress = _added(progress, found[-1] if piece.count.entries else None)
        if time.monotonic() >= until:
            break
    return found, progress


def _go_on(tenant: Tenant, book: PriceBook, month: date, shelf: Shelf, piece: Piece, until: float) -> Piece:
    """One piece of the tenant's month at least."""
    spans, count = month_spans(tenant, book, month, shelf), deepcopy(piece.count)
    for done, (begin, end) in enumerate(spans[piece.done :], piece.done + 1):
        span_count(count, tenant, book, shelf, begin, end)
        if time.monotonic() >= until:
            return Piece(done, len(spans), count)
    return Piece(len(spans), len(spans), count)


def _added(progress: Progress, one: TenantPreview | None) -> Progress:
    begun = replace(progress, place=progress.place + 1, piece=Piece())
    if one is None:
        return begun
    return replace(begun, now=progress.now + one.now, then=progress.then + one.then, unpriced=progress.unpriced + one.unpriced)
