"""How many places a currency's amounts have (ISO 4217), and which of them Stripe takes: https://docs.stripe.com/currencies"""

from collections.abc import Iterable
from decimal import Decimal

WHOLE = frozenset(["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"])
NO_PLACES = WHOLE | {"ISK", "UGX"}  # the two are paid in whole units, and written to Stripe with two places
THREE_PLACES = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})  # Stripe refuses a third place other than 0


def sums_of(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Amounts (currency, amount) added up by currency, since two currencies cannot be."""
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, Decimal()) + amount
    return sums


def places_of(currency: str) -> int:
    """How many places people write: 2 for most, 0 for yen, 3 for dinars."""
    code = currency.upper()
    if code in NO_PLACES:
        return 0
    return 3 if code in THREE_PLACES else 2
