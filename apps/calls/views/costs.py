"""A call's cost as a table: a row for each part, with what was used for it."""

from dataclasses import dataclass
from decimal import Decimal

from apps.billing.models import Part
from apps.billing.selectors import CostBreakdown


@dataclass(frozen=True)
class CostRow:
    """A part of the cost; `amount` is None while something used has no price."""

    label: str
    detail: str
    amount: Decimal | None


def cost_rows(cost: CostBreakdown) -> list[CostRow]:
    """The parts that a call can have, without those that it did not use."""
    return [
        CostRow(str(Part(part).label), _models(cost, part), amount) for part, amount in cost.parts.items() if _used(cost, part)
    ]


def _used(cost: CostBreakdown, part: str) -> bool:
    return cost.parts[part] != 0 or any(line.kind == part for line in cost.lines)


def _models(cost: CostBreakdown, part: str) -> str:
    """Which models, once each; transport and platform have none."""
    names = [line.model for line in cost.lines if line.kind == part and part in (Part.STT, Part.LLM, Part.TTS)]
    return ", ".join(dict.fromkeys(names))
