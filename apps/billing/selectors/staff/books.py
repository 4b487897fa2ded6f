"""Price books, currency by currency."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils import timezone

from apps.billing.models import PriceBook

COMING, CURRENT, PAST = "coming", "current", "past"


@dataclass(frozen=True)
class BookRow:
    """A book with its place among those of its currency. `until` is when the next one takes over."""

    book: PriceBook
    state: str
    until: datetime | None
    prices: int

    @property
    def markup_percent(self) -> str:
        return f"{self.book.markup * 100:.2f}".rstrip("0").rstrip(".")


def books_by_currency() -> dict[str, list[BookRow]]:
    """The newest first; of each currency one is in effect."""
    now = timezone.now()
    found: dict[str, list[BookRow]] = {}
    for book in PriceBook.objects.annotate(rows=Count("prices")).order_by("currency", "-effective_from"):
        rows = found.setdefault(book.currency, [])
        until = rows[-1].book.effective_from if rows else None
        state = COMING if book.effective_from > now else PAST if until and until <= now else CURRENT
        rows.append(BookRow(book, state, until, book.rows))
    return found
