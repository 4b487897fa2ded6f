"""What other prices make of many entries, in one statement: only lines whose price differs are rated again, in the database."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from apps.billing.models import Part
from apps.billing.models.money import part_of
from apps.billing.rating import BESIDE, FEES, MICRO, WHOLE, Key, Rates, Tariff, weight

PARTS = tuple(Part.values)
STEP = WHOLE // MICRO  # what quantity times weight is divided by for millionths of the currency

# Entries in which everything had a price and that nobody corrected: by part what they cost, and what they would cost.
SUMS = """
{rates}SELECT count(*), {lacking}, {sums}
FROM billing_ledgerentry e {changes}
WHERE e.tenant_id = %(tenant)s AND e.currency = %(currency)s AND e.started_at >= %(begin)s AND e.started_at < %(end)s
  AND e.revision = 0 AND e.total IS NOT NULL AND e.id <> ALL(%(corrected)s::uuid[])
"""
RATES = """WITH rates AS MATERIALIZED (
  SELECT * FROM unnest(%(kinds)s::text[], %(providers)s::text[], %(models)s::text[], %(parts)s::text[], %(fees)s::numeric[],
    {arrays}) AS made (kind, provider, model, part, fee, {slots}))
"""
# As Rates.of: a model without a price of its own takes that of the model before the slash; what Media Bot used is free then.
CHANGES = """
LEFT JOIN LATERAL (
  SELECT bool_or(exact IS NULL) AS lacks, {columns} FROM (
    SELECT made.part, line.amount, CASE WHEN line.free IS NOT NULL THEN 0
      WHEN line.quantities - ARRAY[{names}] <> '{{}}' THEN NULL ELSE made.fee + {exact} END AS exact
    FROM jsonb_to_recordset(e.lines)
      AS line (kind text, provider text, model text, quantities jsonb, amount numeric, free text)
    JOIN rates made ON made.kind = line.kind AND made.provider = line.provider AND made.model = CASE
      WHEN position('/' IN line.model) = 0 OR line.model LIKE %(beside)s
        OR concat_ws('|', line.kind, line.provider, line.model) = ANY(%(variants)s::text[]) THEN line.model
      ELSE split_part(line.model, '/', 1) END
    OFFSET 0
  ) AS rated
) AS x ON true
"""
ROUNDED = f"""(div(exact, {STEP}) + CASE WHEN 2 * mod(exact, {STEP}) > {STEP}
  OR 2 * mod(exact, {STEP}) = {STEP} AND mod(div(exact, {STEP}), 2) = 1 THEN 1 ELSE 0 END) / {MICRO}"""


@dataclass(frozen=True)
class Span:
    """Entries of one tenant and currency between two moments (the second not included), without those that were corrected."""

    tenant_id: int
    currency: str
    begin: datetime
    end: datetime
    corrected: Collection[UUID] = ()


@dataclass(frozen=True)
class PlainSums:
    """Amounts by part. Of `entries`, `lacking` have something without a price; the part that it is of then counts nothing."""

    entries: int
    lacking: int
    now: dict[str, Decimal]
    then: dict[str, Decimal]


def plain_sums(span: Span, before: Rates, after: Rates) -> PlainSums:
    """What the span's entries that had a price for everything cost by `before`, and would cost by `after`."""
    changed = before.changed(after)
    sql, given = _statement(changed) if changed else _same()
    given |= {"tenant": span.tenant_id, "currency": span.currency, "begin": span.begin, "end": span.end}
    variants = ["|".join(key) for key in {*before.variants, *after.variants}]
    given |= {"corrected": list(span.corrected), "beside": f"%{BESIDE}", "variants": variants}
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        entries, lacking, *amounts = cursor.fetchone()
    half = len(PARTS)
    now, then = dict(zip(PARTS, amounts[:half], strict=True)), dict(zip(PARTS, amounts[half:], strict=True))
    return PlainSums(entries, lacking, now, then)


def _same() -> tuple[str, dict[str, Any]]:
    sums = [f"coalesce(sum(e.{part}), 0)" for part in PARTS]
    return SUMS.format(rates="", lacking="0", sums=", ".join(sums * 2), changes=""), {}


def _statement(changed: dict[Key, Tariff | None]) -> tuple[str, dict[str, Any]]:
    rows = [(key, _weights(tariff), _fee(tariff)) for key, tariff in changed.items()]
    slots = range(max(1, *(len(weights) for _key, weights, _fee in rows)))
    parts = sorted({part_of(kind) for kind, _provider, _model in changed})
    columns = [
        f"sum({ROUNDED} - amount) FILTER (WHERE part = '{part}') AS {part},"
        f" bool_or(exact IS NULL) FILTER (WHERE part = '{part}') AS {part}_lacks"
        for part in parts
    ]
    then = [_then(part) if part in parts else f"sum(e.{part})" for part in PARTS]
    sums = [f"coalesce({one}, 0)" for one in (*(f"sum(e.{part})" for part in PARTS), *then)]
    changes = CHANGES.format(
        columns=", ".join(columns),
        names=", ".join(f"made.n{slot}" for slot in slots),
        exact=" + ".join(f"coalesce((line.quantities->>made.n{slot})::numeric * made.w{slot}, 0)" for slot in slots),
    )
    arrays = ", ".join(f"%(n{slot})s::text[], %(w{slot})s::numeric[]" for slot in slots)
    rates = RATES.format(arrays=arrays, slots=", ".join(f"n{slot}, w{slot}" for slot in slots))
    lacking = "count(*) FILTER (WHERE x.lacks)"
    return SUMS.format(rates=rates, lacking=lacking, sums=", ".join(sums), changes=changes), _arrays(rows, slots)


def _then(part: str) -> str:
    return f"sum(CASE WHEN x.{part}_lacks THEN 0 ELSE e.{part} + coalesce(x.{part}, 0) END)"


def _arrays(rows: list[tuple[Key, list[tuple[str, int]], int]], slots: range) -> dict[str, Any]:
    """The changed prices as the statement's arrays; where a model has fewer quantities than others, its last ones are empty."""
    given: dict[str, Any] = {
        "kinds": [key[0] for key, _weights, _fee in rows],
        "providers": [key[1] for key, _weights, _fee in rows],
        "models": [key[2] for key, _weights, _fee in rows],
        "parts": [part_of(key[0]) for key, _weights, _fee in rows],
        "fees": [Decimal(fee) for _key, _weights, fee in rows],
    }
    for slot in slots:
        held = [weights[slot] if slot < len(weights) else (None, None) for _key, weights, _fee in rows]
        given[f"n{slot}"] = [name for name, _weight in held]
        given[f"w{slot}"] = [None if one is None else Decimal(one) for _name, one in held]
    return given


def _weights(tariff: Tariff | None) -> list[tuple[str, int]]:
    charges = tariff.charges if tariff else {}
    return [(name, weight(rate)) for name, rate in sorted(charges.items()) if name not in FEES]


def _fee(tariff: Tariff | None) -> int:
    return sum(weight(rate) for name, rate in tariff.charges.items() if name in FEES) if tariff else 0
