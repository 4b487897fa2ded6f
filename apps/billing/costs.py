"""From usage to cost: each row is an item, each item a line, and lines are only added up."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from apps.billing.models import Part, Price
from apps.billing.models.money import part_of
from apps.billing.payloads import (
    BesideLlm,
    BesideStt,
    CallReport,
    EmbeddingUsage,
    LlmUsage,
    MessageUsage,
    MeteredRow,
    PlatformUsage,
    RecordingUsage,
    SttUsage,
    ToolUsage,
    TtsUsage,
    UnknownUsage,
)
from apps.billing.rating import (
    BESIDE,
    ZERO,
    Quantities,
    Rates,
    millionths,
    money_of,
    quantity_read,
    quantity_text,
    rounded,
)

TRANSPORT_PROVIDER = "livekit"
PLATFORM_PROVIDER, PLATFORM_MODEL, TURN_MODEL = "meridian", "call", "turn"

__all__ = ["Cost", "Item", "Line", "cost_of", "items_of", "line_of", "quantities_of", "rated", "rounded"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be charged. Every quantity in it (in millionths) needs a price, or the item has none.

    `free` says why it costs nothing whatever its price, such as Meta's `free_customer_service`.
    """

    kind: str
    provider: str
    model: str
    quantities: Quantities
    free: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.provider, self.model

    @property
    def part(self) -> str:
        """The part of a cost that it belongs to."""
        return part_of(self.kind)


@dataclass(frozen=True, slots=True)
class Line:
    """A charged item. Amounts are None when there is no price for it."""

    item: Item
    amount: Decimal | None
    provider_cost: Decimal | None

    def as_json(self) -> dict[str, Any]:
        free = {"free": self.item.free} if self.item.free else {}
        return {
            "kind": self.item.kind,
            "provider": self.item.provider,
            "model": self.item.model,
            "quantities": {name: quantity_text(value) for name, value in self.item.quantities.items()},
            "amount": None if self.amount is None else str(self.amount),
            **free,
        }


@dataclass(frozen=True)
class Cost:
    """What something costs. A part is None when one of its lines is."""

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
        keys = dict.fromkeys(line.item.key for line in self.lines if line.amount is None)
        return [{"kind": kind, "provider": provider, "model": model} for kind, provider, model in keys]


def cost_of(report: CallReport, prices: Iterable[Price] | Rates) -> Cost:
    """What a call costs by these prices. Nothing used costs 0; used without a price costs None."""
    return rated(items_of(report), prices if isinstance(prices, Rates) else Rates(prices))


def rated(items: Iterable[Item], rates: Rates) -> Cost:
    """What these items cost."""
    return cost_from([line_of(item, rates) for item in items])


def cost_from(lines: list[Line]) -> Cost:
    """The cost that these lines make."""
    parts = {part: _sum(line.amount for line in lines if line.item.part == part) for part in Part.values}
    return Cost(lines, parts)


def items_of(report: CallReport) -> list[Item]:
    """Everything a call is charged for: the way it came, its usage, and the platform."""
    return call_items(report.channel, report.duration, report.usage)


def call_items(channel: str, duration: Decimal, usage: Iterable[MeteredRow]) -> list[Item]:
    """The items of a call that took `duration` seconds."""
    seconds = {"seconds": millionths(duration)}
    return [
        Item(Part.TRANSPORT, TRANSPORT_PROVIDER, channel, seconds),
        *map(item_of, usage),
        Item(Part.PLATFORM, PLATFORM_PROVIDER, PLATFORM_MODEL, seconds),
    ]


def item_of(row: MeteredRow) -> Item:
    """A usage row as what is charged for it. A message that Meta gave for nothing costs nothing, and says so."""
    free = (row.type or "not_billable") if isinstance(row, MessageUsage) and not row.billable else ""
    beside = BESIDE if isinstance(row, BesideStt | BesideLlm) and row.system else ""
    return Item(row.kind, row.provider, f"{row.model}{beside}", quantities_of(row), free)


def quantities_of(row: MeteredRow) -> Quantities:
    """What a usage row counts, in millionths. Cached input tokens are not counted as input tokens again."""
    match row:
        case SttUsage() | RecordingUsage():
            return {"seconds": millionths(row.audio_duration)}
        case TtsUsage():
            return {"characters": millionths(row.characters_count)}
        case LlmUsage():
            return {
                "input_tokens": millionths(row.input_tokens - row.input_cached_tokens),
                "cached_tokens": millionths(row.input_cached_tokens),
                "output_tokens": millionths(row.output_tokens),
            }
        case EmbeddingUsage():
            return {"input_tokens": millionths(row.input_tokens)}
        case MessageUsage():
            return {"messages": millionths(row.messages)}
        case PlatformUsage():
            return {"turns": millionths(row.turns)}
        case ToolUsage():
            return {"runs": millionths(row.runs)}
        case UnknownUsage():
            return {"unknown": millionths(1)}


def line_of(item: Item, rates: Rates) -> Line:
    """Charges an item."""
    if item.free:
        return Line(item, ZERO, ZERO)
    tariff = rates.of(item.kind, item.provider, item.model)
    amount = tariff.charge(item.quantities) if tariff else None
    if tariff is None or amount is None:
        return Line(item, None, None)
    cost = tariff.cost(item.quantities)
    return Line(item, money_of(amount), None if cost is None else money_of(cost))


def item_read(line: dict[str, Any]) -> Item:
    """The item of a line as the ledger keeps it."""
    quantities = {name: quantity_read(text) for name, text in line["quantities"].items()}
    return Item(line["kind"], line["provider"], line["model"], quantities, line.get("free", ""))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = ZERO
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
