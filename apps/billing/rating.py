"""Rating: what a quantity costs at a tariff. Whole numbers all the way, rounded half to even to 6 places once for each line.

Quantities are counted in millionths of a second, token or message; rates in ten thousand millionths of the currency, since a
provider's cost has 6 places and a markup has 4. So nothing is lost before the one rounding, and a million lines take seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any, Protocol

from apps.billing.models import Unit

ZERO = Decimal("0.000000")
MICRO = 1_000_000
RATE_SCALE = 10**10

Quantities = dict[str, int]
Key = tuple[str, str, str]  # kind, provider, model
Rate = tuple[int, int]  # scaled, and how many base quantities it is for

# Which quantity a unit counts, and how much of it one unit is.
UNITS: dict[str, tuple[str, int]] = {
    Unit.SECOND: ("seconds", 1),
    Unit.MINUTE: ("seconds", 60),
    Unit.CHARACTERS_1K: ("characters", 1_000),
    Unit.INPUT_1K: ("input_tokens", 1_000),
    Unit.CACHED_1K: ("cached_tokens", 1_000),
    Unit.OUTPUT_1K: ("output_tokens", 1_000),
    Unit.INPUT_1M: ("input_tokens", 1_000_000),
    Unit.CACHED_1M: ("cached_tokens", 1_000_000),
    Unit.OUTPUT_1M: ("output_tokens", 1_000_000),
    Unit.CALL: ("calls", 1),
    Unit.MESSAGE: ("messages", 1),
    Unit.TURN: ("turns", 1),
    Unit.RUN: ("runs", 1),
}
# A price in one of these covers the whole row beside the units that measure it.
FEES = {"calls"}
# Behind a model's name: what Media Bot used of it beside the agent. A book may price it; else it costs the platform only.
BESIDE = "/media-bot"
SHARED = lcm(*(size for _, size in UNITS.values()))
WHOLE = RATE_SCALE * SHARED


class Asked(Protocol):
    """What a price, an override or a decision says: which model and unit, and what a unit costs."""

    @property
    def kind(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def unit(self) -> str: ...


class Own(Asked, Protocol):
    """A price of a tenant's own."""

    @property
    def price(self) -> Any: ...


class Listed(Asked, Protocol):
    """A price of a book, or a decision: what a customer pays, and what the provider takes."""

    @property
    def charged(self) -> Decimal: ...
    @property
    def provider_cost(self) -> Any: ...


@dataclass(slots=True)
class Tariff:
    """The rates of one model by quantity. A quantity that `costs` lacks is one whose cost to the platform nobody knows."""

    charges: dict[str, Rate] = field(default_factory=dict)
    costs: dict[str, Rate] = field(default_factory=dict)

    def charge(self, quantities: Quantities) -> int | None:
        """What a customer pays, in millionths; None when a quantity has no price."""
        return amount_of(quantities, self.charges)

    def cost(self, quantities: Quantities) -> int | None:
        """What the provider charges the platform, in millionths; None when that is not known."""
        return amount_of(quantities, self.costs)


class Rates:
    """Every tariff that holds for a tenant at a moment: the book's, with the tenant's own prices in their place."""

    def __init__(self, prices: Iterable[Listed] = (), overrides: Iterable[Own] = (), fallbacks: Iterable[Listed] = ()) -> None:
        """`fallbacks` count only for what neither the book nor an override has a price for."""
        self._tariffs: dict[Key, Tariff] = {}
        for price in prices:
            tariff, quantity, size = self._place(price)
            tariff.charges[quantity] = (scaled(price.charged), size)
            tariff.costs[quantity] = (scaled(price.provider_cost), size)
        for override in overrides:
            tariff, quantity, size = self._place(override)
            tariff.charges[quantity] = (scaled(override.price), size)
        self._complete()
        known = set(self._tariffs)
        for decision in fallbacks:
            if UNITS[decision.unit][0] in FEES and (decision.kind, decision.provider, decision.model) in known:
                continue
            tariff, quantity, size = self._place(decision)
            tariff.charges.setdefault(quantity, (scaled(decision.charged), size))
            tariff.costs.setdefault(quantity, (scaled(decision.provider_cost), size))
        self._complete()

    def _place(self, price: Asked) -> tuple[Tariff, str, int]:
        tariff = self._tariffs.setdefault((price.kind, price.provider, price.model), Tariff())
        return tariff, *UNITS[price.unit]

    def _complete(self) -> None:
        """Cached tokens without a price of their own cost as much as others."""
        for tariff in self._tariffs.values():
            for rates in (tariff.charges, tariff.costs):
                if "input_tokens" in rates:
                    rates.setdefault("cached_tokens", rates["input_tokens"])

        for (kind, provider, model), tariff in self._tariffs.items():
            if model.endswith(BESIDE) and (base := self._tariffs.get((kind, provider, base_of(model)))):
                tariff.costs = {**_measured(base.costs), **tariff.costs}

    def of(self, kind: str, provider: str, model: str) -> Tariff | None:
        """The model's tariff. A variant such as `marketing/DE` without one has that of `marketing`.

        What Media Bot used of a model costs the platform what the model costs, and its customer nothing, unless it has a price.
        """
        tariff = self._tariffs.get((kind, provider, model))
        if tariff is None and "/" in model:
            base = self._tariffs.get((kind, provider, base_of(model)))
            return Tariff(NOTHING, _measured(base.costs) if base else {}) if model.endswith(BESIDE) else base
        return tariff

    @property
    def variants(self) -> set[Key]:
        """Those of the models with a price that have a slash in their name."""
        return {key for key in self._tariffs if "/" in key[2]}

    def changed(self, after: "Rates") -> dict[Key, Tariff | None]:
        """The models whose customers pay something else by `after`, with what they pay then; None where they have no price."""
        keys = {**self._tariffs, **after._tariffs}
        return {key: after.of(*key) for key in keys if _charges(self.of(*key)) != _charges(after.of(*key))}


NOTHING: dict[str, Rate] = {name: (0, 1) for name, _size in UNITS.values() if name not in FEES}


def base_of(model: str) -> str:
    """The model that a variant is one of."""
    return model.removesuffix(BESIDE) if model.endswith(BESIDE) else model.partition("/")[0]


def weight(rate: Rate) -> int:
    """What one base quantity costs at a rate, in parts of which WHOLE are the currency's unit."""
    return rate[0] * (SHARED // rate[1])


def _measured(rates: dict[str, Rate]) -> dict[str, Rate]:
    return {name: rate for name, rate in rates.items() if name not in FEES}


def _charges(tariff: Tariff | None) -> dict[str, int]:
    return {name: weight(rate) for name, rate in tariff.charges.items()} if tariff else {}


def amount_of(quantities: Quantities, rates: dict[str, Rate]) -> int | None:
    """The exact sum of the quantities at these rates, rounded to millionths; None when one of them has no rate."""
    exact = 0
    for name, quantity in quantities.items():
        rate = rates.get(name)
        if rate is None:
            return None
        exact += quantity * weight(rate)
    for name in FEES:
        if name in rates and name not in quantities:
            exact += MICRO * weight(rates[name])
    return half_even(exact, WHOLE)


def half_even(numerator: int, denominator: int) -> int:
    """The nearest whole number, of two equally near the even one."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return whole + (twice > denominator or (twice == denominator and whole & 1))


def scaled(rate: Decimal) -> int:
    """A rate as a whole number. It has 10 places at most, so nothing is cut off."""
    return int(Decimal(rate).scaleb(10))


def millionths(quantity: Decimal | int) -> int:
    """A quantity or an amount as a whole number; it has 6 places at most."""
    return quantity * MICRO if isinstance(quantity, int) else int(quantity.scaleb(6))


def money_of(amount: int) -> Decimal:
    """Millionths as an amount with 6 places."""
    return Decimal(amount).scaleb(-6)


def rounded(amount: Fraction) -> Decimal:
    """A fraction to 6 places, half to even."""
    return money_of(round(amount * MICRO))


def quantity_text(quantity: int) -> str:
    """Millionths as people write them: 40200000 is 40.2."""
    whole, rest = divmod(abs(quantity), MICRO)
    sign = "-" if quantity < 0 else ""
    return f"{sign}{whole}.{rest:06}".rstrip("0") if rest else f"{sign}{whole}"


def quantity_read(text: str) -> int:
    """The other way round. Raises ValueError when it is no number with 6 places at most."""
    if "." not in text:
        return int(text) * MICRO
    whole, _, rest = text.partition(".")
    if len(rest) > 6:
        raise ValueError(f"{text} has more than 6 places")
    value = int(whole or "0") * MICRO
    return value - int(rest.ljust(6, "0")) if text.startswith("-") else value + int(rest.ljust(6, "0"))
