"""Two reports about one thing, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.billing.costs import rated
from apps.billing.models import BillingConflict, Kind
from apps.billing.selectors.costs import statement_of
from apps.billing.selectors.prices import pricing_at
from apps.billing.statement import items_for

NAMES = ("kind", "provider", "model")


@dataclass(frozen=True)
class Fact:
    """One thing that both reports speak of, as text."""

    name: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        return self.first != self.second


@dataclass(frozen=True)
class Comparison:
    """What counts now and what the second report says. A total is None where something has no price."""

    conflict: BillingConflict
    facts: list[Fact]
    charged: Decimal | None
    would_be: Decimal | None
    currency: str

    @property
    def difference(self) -> Decimal | None:
        """How much more the later one charges; None where a price is missing."""
        return None if self.charged is None or self.would_be is None else self.would_be - self.charged


def conflicts(*, decided: bool) -> "QuerySet[BillingConflict]":
    """The open ones, oldest first, or those that are decided, newest first."""
    found = BillingConflict.objects.filter(resolved_at__isnull=not decided).select_related("tenant", "entry")
    return found.order_by("-resolved_at" if decided else "created_at", "pk")


def comparison(conflict: BillingConflict) -> Comparison:
    """Both sides of a conflict, each at the prices of when it was used."""
    statement = statement_of(conflict.entry)
    base, report = statement.base, conflict.report
    length = report.get("duration")
    seconds = statement.duration if length is None else Decimal(str(length))
    pricing = pricing_at(base.tenant, base.started_at, base.currency)
    cost = rated(items_for(base, report["usage"], seconds), pricing.rates)
    facts = [
        Fact(_("Duration, seconds"), _text(statement.duration), _text(seconds)),
        *_usage_facts(statement.usage, report["usage"]),
    ]
    return Comparison(conflict, facts, statement.total, cost.total, base.currency)


def _usage_facts(first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]) -> list[Fact]:
    before, after = _by_name(first), _by_name(second)
    return [Fact(name, before.get(name, ""), after.get(name, "")) for name in dict.fromkeys([*before, *after])]


def _by_name(usage: Sequence[dict[str, Any]]) -> dict[str, str]:
    """`Speech to text: deepgram nova-3, audio duration` and how much; rows of the same thing are numbered."""
    found: dict[str, str] = {}
    for row in usage:
        kind = str(Kind(row["kind"]).label) if row.get("kind") in Kind.values else str(row.get("kind", ""))
        head = f"{kind}: {row.get('provider', '')} {row.get('model', '')}".strip()
        for name, value in row.items():
            if name not in NAMES:
                key, number = f"{head}, {name.replace('_', ' ')}", 2
                while key in found:
                    key, number = f"{head}, {name.replace('_', ' ')} ({number})", number + 1
                found[key] = _text(value)
    return found


def _text(value: Any) -> str:
    """A number as people write it, without noughts at its end."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return str(value)
    number = Decimal(str(value)).normalize()
    places = max(0, -int(number.as_tuple().exponent))
    return str(number_format(number, places, force_grouping=True))
