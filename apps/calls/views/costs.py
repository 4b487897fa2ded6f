"""A call's cost as a table: a row for each part, with what was used for it."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from apps.billing.models import Kind, Part
from apps.billing.selectors import CostBreakdown, CostLine
from apps.core.templatetags.ui import clock


@dataclass(frozen=True)
class CostRow:
    """A part of the cost; `amount` is None while something used has no price."""

    label: str
    detail: str
    amount: Decimal | None


def cost_rows(cost: CostBreakdown) -> list[CostRow]:
    """The parts that a call can have and did use; what Media Bot and a recording cost in rows of their own."""
    rows = []
    for part, amount in cost.parts.items():
        beside = {line.beside: line.amount for line in cost.lines if line.kind == part and line.beside and line.amount}
        recorded = [line for line in cost.lines if line.kind == Kind.RECORDING and part == Part.TRANSPORT]
        media_bot = sum(beside.values(), Decimal(0))
        own = media_bot + sum((line.amount or Decimal(0) for line in recorded), Decimal(0))
        if _used(cost, part):
            rows.append(CostRow(str(Part(part).label), _models(cost, part), None if amount is None else amount - own))
        if beside:
            rows.append(CostRow(_("%(part)s, Media Bot") % {"part": Part(part).label}, ", ".join(beside), media_bot))
        rows += [CostRow(str(Kind.RECORDING.label), _recorded(line), line.amount) for line in recorded]
    return rows


def _recorded(line: CostLine) -> str:
    return clock(float(line.quantities.get("seconds", 0)))


def _used(cost: CostBreakdown, part: str) -> bool:
    return cost.parts[part] != 0 or any(line.kind == part and not line.beside for line in cost.lines)


def _models(cost: CostBreakdown, part: str) -> str:
    """Which models, once each; transport and platform have none."""
    named = part in (Part.STT, Part.LLM, Part.TTS)
    names = [line.model for line in cost.lines if named and line.kind == part and not line.beside]
    return ", ".join(dict.fromkeys(names))
