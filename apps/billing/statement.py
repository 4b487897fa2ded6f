"""What an entry and its corrections say together: sums over rows, and what still has no price after the latest one."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.billing.costs import Item, call_items, item_of, item_read
from apps.billing.models import LedgerEntry, Part, SourceType
from apps.billing.models.money import part_of
from apps.billing.payloads import rows_read
from apps.billing.rating import ZERO, quantity_read, quantity_text

Key = tuple[str, str, str]
Json = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """An entry with its corrections. A part that is None has no price yet; `known` is what was charged for it all the same."""

    rows: Sequence[LedgerEntry]

    @property
    def base(self) -> LedgerEntry:
        """The first row: what was reported."""
        return self.rows[0]

    @property
    def latest(self) -> LedgerEntry:
        return self.rows[-1]

    @property
    def parts(self) -> dict[str, Decimal | None]:
        lacking = {part_of(row["kind"]) for row in self.latest.unpriced}
        return {part: None if part in lacking else self.known(part) for part in Part.values}

    def known(self, part: str) -> Decimal:
        """What the rows charge for a part, whether or not all of it has a price."""
        return sum((getattr(row, part) for row in self.rows if getattr(row, part) is not None), ZERO)

    @property
    def total_known(self) -> Decimal:
        return sum((row.total_known for row in self.rows), ZERO)

    @property
    def total(self) -> Decimal | None:
        return None if self.latest.total is None else self.total_known

    @property
    def cost_known(self) -> Decimal:
        """What the providers charge as far as it is known."""
        return sum((row.provider_cost for row in self.rows if row.provider_cost is not None), ZERO)

    @property
    def duration(self) -> Decimal:
        return sum((row.duration for row in self.rows), ZERO)

    @property
    def unpriced(self) -> list[dict[str, str]]:
        return list(self.latest.unpriced)

    @property
    def lines(self) -> list[Json]:
        """The lines as they are now: a correction's differences are added to the first line of the same thing."""
        merged = [dict(line) for line in self.base.lines]
        for row in self.rows[1:]:
            for change in row.lines:
                found = next((line for line in merged if key_of(line) == key_of(change)), None)
                if found is None:
                    merged.append(dict(change))
                else:
                    found.update(_added(found, change))
        return [line for line in merged if line["amount"] is None or line["quantities"] or Decimal(line["amount"])]

    @property
    def usage(self) -> list[Json]:
        """All that was used, as it is known now."""
        return list([row for row in self.rows if row.revision == 0 or row.content_hash][-1].usage)

    @property
    def items(self) -> list[Item]:
        """What is to be charged: the lines as they were rated, or the usage as it was corrected."""
        if not any(row.content_hash for row in self.rows[1:]):
            return [item_read(line) for line in self.base.lines]
        return items_for(self.base, self.usage, self.duration)


def items_for(entry: LedgerEntry, usage: Sequence[Any], duration: Decimal) -> list[Item]:
    """The items of an entry's source if it had used this; `duration` in seconds counts for calls."""
    rows = rows_read(usage)
    return call_items(entry.channel, duration, rows) if entry.source_type == SourceType.CALL else [item_of(row) for row in rows]


def key_of(line: Json) -> Key:
    """What a line is about."""
    return line["kind"], line["provider"], line["model"]


def lines_between(old: Sequence[Json], new: Sequence[Json]) -> list[Json]:
    """What makes the new lines of the old ones. What has no price before and after stays out, unless its quantity changes."""
    before, after = _by_key(old), _by_key(new)
    changes = []
    for key in {**before, **after}:
        was, now = before.get(key, _nothing(key)), after.get(key, _nothing(key))
        quantities = _quantities(now, was, sign=-1)
        unknown = now["amount"] is None
        amount = None if unknown else str(Decimal(now["amount"]) - Decimal(was["amount"] or 0))
        if quantities or not (unknown or Decimal(amount or 0) == 0):
            changes.append({**_nothing(key), "quantities": quantities, "amount": amount})
    return changes


def _by_key(lines: Sequence[Json]) -> dict[Key, Json]:
    merged: dict[Key, Json] = {}
    for line in lines:
        key = key_of(line)
        seen = merged.get(key)
        merged[key] = dict(line) if seen is None else {**line, **_added(seen, line)}
        if seen is not None and seen["amount"] is None:
            merged[key]["amount"] = None
    return merged


def _added(line: Json, change: Json) -> Json:
    """A line with a change; where the change has no price, the sum has none."""
    amount = None if change["amount"] is None else str(Decimal(line["amount"] or 0) + Decimal(change["amount"]))
    return {"quantities": _quantities(line, change, sign=1), "amount": amount}


def _quantities(line: Json, change: Json, *, sign: int) -> dict[str, str]:
    counted = {name: quantity_read(text) for name, text in line["quantities"].items()}
    for name, text in change["quantities"].items():
        counted[name] = counted.get(name, 0) + sign * quantity_read(text)
    return {name: quantity_text(value) for name, value in counted.items() if value}


def _nothing(key: Key) -> Json:
    kind, provider, model = key
    return {"kind": kind, "provider": provider, "model": model, "quantities": {}, "amount": "0.000000"}
