"""From exact amounts to what can be paid: a currency's steps, half to even, and lines that add up to their total."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from apps.core.currencies import THREE_PLACES, WHOLE, places_of
from apps.core.errors import PermanentError

CENT, UNIT = Decimal("0.01"), Decimal(1)


def step_of(currency: str) -> Decimal:
    """The smallest amount that an invoice in this currency can differ by: 0.01, or 1."""
    return CENT if places_of(currency) else UNIT


def rounded_to(amount: Decimal, currency: str) -> Decimal:
    """An amount as it can be paid, half to even."""
    step = step_of(currency)
    return (amount / step).quantize(UNIT, ROUND_HALF_EVEN) * step


def rounded_down(amount: Decimal, currency: str) -> Decimal:
    """The most that can be paid of an amount, towards 0."""
    step = step_of(currency)
    return (amount / step).quantize(UNIT, ROUND_DOWN) * step


def payable_check(amount: Decimal, currency: str) -> None:
    """Raises PermanentError for an amount with more places than the currency can be paid in."""
    if rounded_to(amount, currency) != amount:
        raise PermanentError(
            f"{amount.normalize():f} {currency} cannot be paid; amounts in {currency} go by {step_of(currency)}."
        )


def minor_units(amount: Decimal, currency: str) -> int:
    """An amount as Stripe writes it: cents, whole yen, thousandths of a dinar. Raises PermanentError when it is not payable."""
    payable_check(amount, currency)
    return int(amount * _scale(currency))


def from_minor_units(units: int, currency: str) -> Decimal:
    """What Stripe's whole number stands for."""
    return Decimal(units) / _scale(currency)


def _scale(currency: str) -> int:
    code = currency.upper()
    return 1 if code in WHOLE else 1000 if code in THREE_PLACES else 100


def distribute(exacts: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Rounds amounts so that they add up to their rounded sum (largest remainder); each is less than a step off.

    Of equal remainders the first gets the step.
    """
    step = step_of(currency)
    floors = [(exact / step).quantize(UNIT, ROUND_FLOOR) for exact in exacts]
    missing = int((sum(exacts, Decimal()) / step).quantize(UNIT, ROUND_HALF_EVEN) - sum(floors, Decimal()))
    order = sorted(range(len(exacts)), key=lambda place: floors[place] - exacts[place] / step)
    for place in order[:missing]:
        floors[place] += 1
    return [floor * step for floor in floors]
