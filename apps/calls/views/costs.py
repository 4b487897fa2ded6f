"""A call's cost as a table: a row for each part, with what was used for it."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from apps.billing.models import Part
from apps.billing.selectors import CostBreakdown


@dataclass(frozen=True)
class CostRow:
    """A part of the cost; `amount` is None while something used has no price."""

    label: str
    detail: str
    amount: Decimal | None


def cost_rows(cost: CostBreakdown) -> list[CostRow]:
    """The parts that a call can have, without those that it did not use; what Media Bot cost in a row of its own."""
    rows = []
    for part, amount in cost.parts.items():
        beside = {line.beside: line.amount for line in cost.lines if line.kind == part and line.beside and line.amount}
        own = sum(beside.values(), Decimal(0))
        if _used(cost, part):
            rows.append(CostRow(str(Part(part).label), _models(cost, part), None if amount is None else amount - own))
        if own:
            rows.append(CostRow(_("%(part)s, Media Bot") % {"part": Part(part).label}, ", ".join(beside), own))
    return rows


def _used(cost: CostBreakdown, part: str) -> bool:
    return cost.parts[part] != 0 or any(line.kind == part and not line.beside for line in cost.lines)


def _models(cost: CostBreakdown, part: str) -> str:
    """Which models, once each; transport and platform have none."""
    named = part in (Part.STT, Part.LLM, Part.TTS)
    names = [line.model for line in cost.lines if named and line.kind == part and not line.beside]
    return ", ".join(dict.fromkeys(names))
