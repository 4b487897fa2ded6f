"""From usage to cost: exact fractions, rounded half to even to 6 places once for each line, then only added up."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from apps.billing.models import Part, Price, Unit
from apps.billing.payloads import CallReport, LlmUsage, SttUsage, TtsUsage

ZERO = Decimal("0.000000")
MICRO = 1_000_000
TRANSPORT_PROVIDER = "livekit"
PLATFORM_PROVIDER, PLATFORM_MODEL = "meridian", "call"

Quantities = dict[str, Fraction]

# How many base quantities one unit holds, and which quantity it counts.
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
}
# A price in one of these covers the whole row beside the units that measure it.
FEES = {"calls"}


@dataclass(frozen=True)
class Item:
    """One thing to be charged. Every quantity in it needs a price, or the item has none."""

    kind: str
    provider: str
    model: str
    quantities: Quantities


@dataclass(frozen=True)
class Line:
    """A charged item. Amounts are None when the book has no price for it."""

    item: Item
    amount: Decimal | None
    provider_cost: Decimal | None

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.item.kind,
            "provider": self.item.provider,
            "model": self.item.model,
            "quantities": {name: _text(value) for name, value in self.item.quantities.items()},
            "amount": None if self.amount is None else str(self.amount),
        }


@dataclass(frozen=True)
class Cost:
    """The cost of one call. A part is None when one of its lines is."""

    lines: list[Line]
    parts: dict[str, Decimal | None] = field(default_factory=dict)

    @property
    def total(self) -> Decimal | None:
        amounts = [line.amount for line in self.lines]
        return None if None in amounts else self.total_known

    @property
    def total_known(self) -> Decimal:
        """The sum of the parts that have a price; a part without one counts nothing."""
        return sum((amount for amount in self.parts.values() if amount is not None), ZERO)

    @property
    def provider_cost(self) -> Decimal | None:
        return _sum(line.provider_cost for line in self.lines)

    @property
    def unpriced(self) -> list[dict[str, str]]:
        """What had no price, each once, in the order it was used."""
        items = [line.item for line in self.lines if line.amount is None]
        keys = dict.fromkeys((item.kind, item.provider, item.model) for item in items)
        return [{"kind": kind, "provider": provider, "model": model} for kind, provider, model in keys]


def cost_of(report: CallReport, prices: Iterable[Price]) -> Cost:
    """What a call costs by these prices. Nothing used costs 0; used without a price costs None."""
    book: dict[tuple[str, str, str], list[Price]] = {}
    for price in prices:
        book.setdefault((price.kind, price.provider, price.model), []).append(price)
    lines = [line_of(item, book.get((item.kind, item.provider, item.model), [])) for item in items_of(report)]
    parts = {part: _sum(line.amount for line in lines if line.item.kind == part) for part in Part.values}
    return Cost(lines, parts)


def items_of(report: CallReport) -> list[Item]:
    """Everything a call is charged for: the way it came, its usage, and the platform."""
    seconds = {"seconds": Fraction(report.duration)}
    return [
        Item(Part.TRANSPORT, TRANSPORT_PROVIDER, report.channel, seconds),
        *[Item(row.kind, row.provider, row.model, quantities_of(row)) for row in report.usage],
        Item(Part.PLATFORM, PLATFORM_PROVIDER, PLATFORM_MODEL, seconds),
    ]


def quantities_of(row: SttUsage | LlmUsage | TtsUsage) -> Quantities:
    """What a usage row counts. Cached input tokens are not counted as input tokens again."""
    if isinstance(row, SttUsage):
        return {"seconds": Fraction(row.audio_duration)}
    if isinstance(row, TtsUsage):
        return {"characters": Fraction(row.characters_count)}
    return {
        "input_tokens": Fraction(row.input_tokens - row.input_cached_tokens),
        "cached_tokens": Fraction(row.input_cached_tokens),
        "output_tokens": Fraction(row.output_tokens),
    }


def line_of(item: Item, prices: list[Price]) -> Line:
    """Charges an item. Cached tokens without a price of their own cost as much as input tokens."""
    rates = {UNITS[price.unit][0]: price for price in prices}
    if "input_tokens" in rates:
        rates.setdefault("cached_tokens", rates["input_tokens"])
    if not item.quantities.keys() <= rates.keys():
        return Line(item, None, None)
    counted = {**item.quantities, **{fee: Fraction(1) for fee in FEES if fee in rates}}
    return Line(item, _charge(counted, rates, "charged"), _charge(counted, rates, "provider_cost"))


def _charge(quantities: Quantities, rates: dict[str, Price], column: str) -> Decimal:
    exact = Fraction(0)
    for name, quantity in quantities.items():
        exact += quantity * Fraction(getattr(rates[name], column)) / UNITS[rates[name].unit][1]
    return rounded(exact)


def rounded(amount: Fraction) -> Decimal:
    """To 6 places, half to even; exact, since a fraction has no digits to lose."""
    return Decimal(round(amount * MICRO)).scaleb(-6).quantize(ZERO)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = ZERO
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _text(value: Fraction) -> str:
    return format((Decimal(value.numerator) / Decimal(value.denominator)).normalize(), "f")
