"""What depends on a whole month: included quantities and volume prices.

Both are worked out anew from everything of the month that is invoiced, and what earlier invoices gave is taken off. So the order
in which entries arrive changes nothing, and what comes late is treated as if it had been in time.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from django.db import connection

from apps.billing.models import Invoice, InvoiceLine, Meter, Price, PriceTier
from apps.billing.months import month_bounds
from apps.billing.rating import UNITS
from apps.billing.selectors.plans import METERED, month_allowances, month_shares
from apps.billing.services.invoice_claims import given_before
from apps.tenants.models import Tenant

MICRO = Decimal("0.000001")

# Told by the few that are open: what was ever invoiced grows with every month of every tenant.
INVOICED = "NOT EXISTS (SELECT FROM billing_openentry o WHERE o.tenant_id = %(tenant)s AND o.entry_id = e.id)"
# Chronologically: a thing is covered by what is left of the allowance when its turn comes, the last one in part.
INCLUDED = f"""
WITH allowances (source_type, allowance) AS (
    VALUES ('call', %(call)s::numeric), ('turn', %(turn)s::numeric), ('message', %(message)s::numeric)
), things AS (
    SELECT e.source_type, e.source_id, min(e.started_at) AS at, sum(e.total_known) AS cost,
        CASE e.source_type WHEN 'call' THEN greatest(0, sum(e.duration)) ELSE 1 END AS size
    FROM billing_ledgerentry e
    WHERE e.tenant_id = %(tenant)s AND e.currency = %(currency)s AND e.started_at >= %(begin)s AND e.started_at < %(end)s
        AND e.source_type IN ('call', 'turn', 'message')
        AND {INVOICED}
    GROUP BY e.source_type, e.source_id HAVING sum(e.total_known) <> 0
), running AS (
    SELECT *, sum(size) OVER (PARTITION BY source_type ORDER BY at, source_id) - size AS before FROM things
), covered AS (
    SELECT source_type, cost, greatest(0, least(size, allowance - before)) AS part,
        CASE WHEN size > 0 THEN greatest(0, least(size, allowance - before)) / size
            WHEN allowance > before THEN 1 ELSE 0 END AS share
    FROM running JOIN allowances USING (source_type)
)
SELECT source_type, sum(part), sum(cost * share) FROM covered WHERE share > 0 GROUP BY source_type
"""  # noqa: S608
# A thing's rows are brought together first: a correction holds differences, and the book is the one that it was priced by last.
# Nothing is joined but a handful of prices, since the planner cannot know how much a month holds.
TIERED = f"""
WITH allowances (source_type, allowance) AS (
    VALUES ('call', %(call)s::numeric), ('turn', %(turn)s::numeric), ('message', %(message)s::numeric)
), things AS (
    SELECT e.source_type, e.source_id, min(e.started_at) AS at, jsonb_agg(e.lines) AS lines,
        (array_agg(e.price_book_id ORDER BY e.revision DESC))[1] AS book_id,
        CASE WHEN sum(e.total_known) = 0 THEN 0 WHEN e.source_type = 'call' THEN greatest(0, sum(e.duration)) ELSE 1 END AS size
    FROM billing_ledgerentry e
    WHERE e.tenant_id = %(tenant)s AND e.currency = %(currency)s AND e.started_at >= %(begin)s AND e.started_at < %(end)s
        AND {INVOICED}
    GROUP BY e.source_type, e.source_id
), running AS (
    SELECT *, sum(size) OVER (PARTITION BY source_type ORDER BY at, source_id) - size AS before FROM things
), covered AS (
    SELECT r.*, CASE WHEN size > 0 THEN greatest(0, least(size, coalesce(allowance, 0) - before)) / size ELSE 0 END AS share
    FROM running r LEFT JOIN allowances USING (source_type)
), tiered (id, book_id, kind, provider, model, quantity) AS MATERIALIZED (
    SELECT p.id, p.book_id, p.kind, p.provider, p.model, q.name
    FROM billing_price p JOIN unnest(%(units)s::text[], %(names)s::text[]) AS q (unit, name) ON q.unit = p.unit
    WHERE p.id = ANY(%(prices)s)
), used AS (
    SELECT t.id, c.share,
        CASE t.quantity WHEN 'calls' THEN 1 ELSE coalesce(sum((line->'quantities'->>t.quantity)::numeric), 0) END AS quantity
    FROM covered c JOIN tiered t ON t.book_id = c.book_id
    CROSS JOIN LATERAL jsonb_array_elements(c.lines) AS r (row) CROSS JOIN LATERAL jsonb_array_elements(row) AS l (line)
    WHERE line->>'kind' = t.kind AND line->>'provider' = t.provider
        AND (line->>'model' = t.model OR split_part(line->>'model', '/', 1) = t.model
            AND line->>'model' NOT LIKE '%%/media-bot' AND NOT EXISTS (
            SELECT FROM billing_price x
            WHERE x.book_id = t.book_id AND x.kind = t.kind AND x.provider = t.provider AND x.model = line->>'model'
        ))
        AND NOT EXISTS (
            SELECT FROM billing_priceoverride o WHERE o.tenant_id = %(tenant)s AND o.currency = %(currency)s
            AND o.kind = t.kind AND o.provider = t.provider AND o.model = t.model AND o.effective_from <= c.at
            AND (o.effective_until IS NULL OR o.effective_until > c.at)
        )
    GROUP BY c.source_type, c.source_id, c.share, t.id, t.quantity HAVING sum((line->>'amount')::numeric) <> 0
)
SELECT id, sum(quantity), sum(quantity * share) FROM used GROUP BY id
"""  # noqa: S608


# While a month runs, what it comes to so far: nothing of it is invoiced.
INCLUDED_SO_FAR, TIERED_SO_FAR = (sql.replace(INVOICED, "true") for sql in (INCLUDED, TIERED))


@dataclass(frozen=True)
class Reduction:
    """A line that takes something off: `exact` is below 0, or above it where an earlier invoice took off too much."""

    kind: str
    key: str
    month: date
    exact: Decimal
    quantity: Decimal
    unit: str
    source_type: str
    details: dict[str, Any]


@dataclass(frozen=True)
class _Month:
    first: date
    begin: datetime
    end: datetime
    allowances: dict[str, Fraction]
    running: bool = False


def reductions(invoice: Invoice, tenant: Tenant, months: list[date], *, running: bool = False) -> list[Reduction]:
    """What plans in its currency include and what volume prices save in these months, less what other invoices gave already.

    Of what is invoiced by now; with `running` of all that was used, for a month whose invoice is still to be made.
    """
    found = []
    before = {kind: given_before(invoice, kind, months) for kind in (InvoiceLine.Kind.INCLUDED, InvoiceLine.Kind.TIER)}
    tiers = _tiers(invoice.currency)
    for first in months:
        shares = month_shares(tenant, first, invoice.currency)
        month = _Month(first, *month_bounds(first, tenant.timezone), month_allowances(shares), running)
        found += _included(invoice, month, before[InvoiceLine.Kind.INCLUDED])
        found += _tiered(invoice, month, tiers, before[InvoiceLine.Kind.TIER])
    return [one for one in found if one.exact]


def _included(invoice: Invoice, month: _Month, before: dict[tuple[str, str], Decimal]) -> list[Reduction]:
    if not month.allowances and not any(key[1] == month.first.isoformat() for key in before):
        return []
    with connection.cursor() as cursor:
        cursor.execute(INCLUDED_SO_FAR if month.running else INCLUDED, _values(invoice, month))
        sums = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    found = []
    for meter, source in METERED.items():
        size, cost = sums.get(source, (Decimal(0), Decimal(0)))
        given = before.get((meter.value, month.first.isoformat()), Decimal(0))
        quantity = size / 60 if meter == Meter.CALL_MINUTES else size
        details = {
            "included": _text(month.allowances.get(meter, Fraction(0))),
            "covered": _plain(quantity),
            "worth": str(_exact(cost)),
            "before": str(-given),
        }
        exact = -_exact(cost) - given
        found.append(_reduction(InvoiceLine.Kind.INCLUDED, meter.value, month, exact, quantity, meter.value, source, details))
    return found


def _tiered(
    invoice: Invoice, month: _Month, tiers: dict[Any, "list[PriceTier]"], before: dict[tuple[str, str], Decimal]
) -> list[Reduction]:
    if not tiers:
        return []
    units, names = zip(*((str(unit), name) for unit, (name, _) in UNITS.items()), strict=True)
    with connection.cursor() as cursor:
        asked = {**_values(invoice, month), "units": list(units), "names": list(names), "prices": list(tiers)}
        cursor.execute(TIERED_SO_FAR if month.running else TIERED, asked)
        used = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    totals: dict[str, _Volume] = {}
    for price in sorted((tiers[key][0].price for key in used), key=lambda price: price.book.effective_from):
        volume = totals.setdefault(_key(price), _Volume(price))
        volume.add(tiers[price.pk], *used[price.pk])
    found = []
    for key, volume in totals.items():
        given = before.get((key, month.first.isoformat()), Decimal(0))
        details = {**volume.details(), "before": str(-given)}
        exact = -_exact(volume.saved) - given
        unit = volume.price.unit
        found.append(_reduction(InvoiceLine.Kind.TIER, key, month, exact, volume.used_units, unit, "", details))
    return found


class _Volume:
    """A month's quantity of one model, over the price books that were in effect, and what the tiers save on it."""

    def __init__(self, price: Price) -> None:
        self.price = price
        self.base = Fraction(0)
        self.saved = Fraction(0)
        self.tiers: list[dict[str, str]] = []

    def add(self, tiers: list[PriceTier], quantity: Decimal, covered: Decimal) -> None:
        """What a plan covers costs nothing already, so tiers begin to save above it."""
        price, size = tiers[0].price, UNITS[tiers[0].price.unit][1]
        begin, end = (self.base + Fraction(covered)) / size, (self.base + Fraction(quantity)) / size
        self.saved += saved_below(price.charged, tiers, end) - saved_below(price.charged, tiers, begin)
        self.base += Fraction(quantity)
        self.tiers = [{"above": _plain(tier.above), "price": _plain(tier.unit_price)} for tier in tiers]
        self.price = price

    @property
    def used_units(self) -> Decimal:
        """In the last book's unit."""
        value = self.base / UNITS[self.price.unit][1]
        return Decimal(round(value * 1_000_000)).scaleb(-6)

    def details(self) -> dict[str, Any]:
        names = {"kind": self.price.kind, "provider": self.price.provider, "model": self.price.model}
        return {**names, "price": _plain(self.price.charged), "tiers": self.tiers, "saved": str(_exact(self.saved))}


def saved_below(price: Decimal, tiers: list[PriceTier], units: Fraction) -> Fraction:
    """What graduated tiers take off the price of so many units: each tier only on what lies above it, until the next."""
    edges = [*(Fraction(tier.above) for tier in tiers), None]
    saved = Fraction(0)
    for tier, (low, high) in zip(tiers, pairwise(edges), strict=True):
        assert low is not None  # only the last edge is open
        within = min(units, high) - low if high is not None else units - low
        saved += max(Fraction(0), within) * max(Fraction(0), Fraction(price) - Fraction(tier.unit_price))
    return saved


def _tiers(currency: str) -> dict[Any, list[PriceTier]]:
    found: dict[Any, list[PriceTier]] = {}
    for tier in PriceTier.objects.filter(price__book__currency=currency).select_related("price__book").order_by("above"):
        found.setdefault(tier.price_id, []).append(tier)
    return found


def _values(invoice: Invoice, month: _Month) -> dict[str, Any]:
    allowances = {str(source): _decimal(month.allowances.get(meter, Fraction(0))) for meter, source in METERED.items()}
    allowances["call"] *= 60
    period = {"begin": month.begin, "end": month.end}
    return {"tenant": invoice.tenant_id, "currency": invoice.currency, **period, **allowances}


def _reduction(
    kind: str, key: str, month: _Month, exact: Decimal, quantity: Decimal, unit: str, source: str, details: dict[str, Any]
) -> Reduction:
    named = {"key": key, "month": month.first.isoformat(), **details}
    return Reduction(kind, key, month.first, exact, quantity.quantize(MICRO), unit, source, named)


def _key(price: Price) -> str:
    return f"{price.kind}/{price.provider}/{price.model}/{UNITS[price.unit][0]}"


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _exact(value: Decimal | Fraction) -> Decimal:
    number = _decimal(value) if isinstance(value, Fraction) else value
    return number.quantize(MICRO, ROUND_HALF_EVEN)


def _text(value: Fraction) -> str:
    return _plain(_decimal(value).quantize(MICRO))


def _plain(value: Decimal) -> str:
    return format(value.quantize(MICRO).normalize(), "f")
