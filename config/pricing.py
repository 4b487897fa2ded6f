"""What usage costs, from billing's price book, for the pages of apps that do not know billing."""

from decimal import Decimal

from django.utils import timezone
from pydantic import TypeAdapter

from apps.billing.costs import Item, line_of, quantities_of
from apps.billing.models import Price
from apps.billing.payloads import UsageRow
from apps.billing.selectors import price_book_at
from apps.compass.chat import Cost, Usage

ROWS: TypeAdapter[list[UsageRow]] = TypeAdapter(list[UsageRow])


def usage_cost(usage: Usage) -> Cost:
    """The rows' cost by the price book in effect now; None as its amount when something has no price."""
    book = price_book_at(timezone.now())
    prices: list[Price] = list(book.prices.all()) if book else []
    total: Decimal | None = Decimal()
    for row in ROWS.validate_python(usage):
        matching = [p for p in prices if (p.kind, p.provider, p.model) == (row.kind, row.provider, row.model)]
        amount = line_of(Item(row.kind, row.provider, row.model, quantities_of(row)), matching).amount
        total = None if amount is None or total is None else total + amount
    return Cost(total, book.currency if book else "USD")
