"""The lines of an invoice, in the order in which they stand: plan, seats, usage, what is included, volume prices, credits."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from apps.billing.models import Credit, CreditUse, Invoice, InvoiceLine, Price
from apps.billing.models.money import SourceType
from apps.billing.months import day_at
from apps.billing.proration import Share
from apps.billing.rounding import distribute, rounded_down
from apps.billing.selectors.plans import month_shares
from apps.billing.services.invoice_claims import Group, Sums, entries_claim, groups_open, line_sums, months_of
from apps.billing.services.invoice_cover import Reduction, reductions
from apps.billing.services.invoice_words import (
    UNITS_COUNTED,
    agent_names,
    credit_words,
    fee_words,
    included_words,
    seats_words,
    tier_words,
    usage_words,
)
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

MICRO = Decimal("0.000001")
COMPUTED = ["description", "quantity", "unit", "entries", "exact", "amount", "details"]
Kind = InvoiceLine.Kind


def lines_make(invoice: Invoice, tenant: Tenant) -> list[InvoiceLine]:
    """Writes every line but the credits, with the entries behind it; the lines add up to the invoice's rounded total."""
    fees = _fee_lines(invoice, month_shares(tenant, invoice.month, invoice.currency))
    groups = groups_open(invoice)
    names = agent_names(tenant, {group.agent_id for group in groups if group.agent_id})
    usage = _usage_lines(invoice, groups, names)
    _number(fees + usage)
    InvoiceLine.objects.bulk_create(fees + usage)
    entries_claim(invoice)
    _fill(invoice, usage, line_sums(invoice), names, tenant.timezone)
    taken_off = [_reduction_line(invoice, one) for one in reductions(invoice, tenant, months_of(invoice, tenant.timezone))]
    lines = [*fees, *usage, *taken_off]
    _round(lines, invoice.currency)
    _number(lines)
    InvoiceLine.objects.bulk_create(taken_off)
    InvoiceLine.objects.bulk_update(fees + usage, COMPUTED, batch_size=500)
    return lines


def credits_use(invoice: Invoice, lines: list[InvoiceLine]) -> Decimal:
    """Takes the tenant's credits off what is to be paid, the oldest first, and returns how much; never more than there is to pay.

    What came out below 0 is carried over as a credit of its own.
    """
    due = sum((line.amount for line in lines), Decimal(0))
    if due < 0:
        return _carry(invoice, -due, len(lines))
    written: list[InvoiceLine] = []
    for credit, left in credits_left(invoice.tenant_id, invoice):
        taken = min(rounded_down(left, invoice.currency), due)
        if taken <= 0:
            continue
        CreditUse.objects.create(credit=credit, invoice=invoice, amount=taken)
        written.append(_credit_line(invoice, len(lines) + len(written), -taken, credit_words(credit.reason), credit))
        due -= taken
    InvoiceLine.objects.bulk_create(written)
    return -sum((line.amount for line in written), Decimal(0))


def credits_free(invoice: Invoice) -> None:
    """Gives back the credits that it used. Raises PermanentError when what it carried over is used by another invoice."""
    CreditUse.objects.filter(invoice=invoice).delete()
    carried = Credit.objects.filter(carried_from=invoice).first()
    if carried is None:
        return
    use = CreditUse.objects.filter(credit=carried).select_related("invoice").first()
    if use is not None:
        raise PermanentError(f"What {invoice.number} left over is used by {use.invoice.number}; void that one first.")
    carried.delete()


def credits_left(tenant_id: int, invoice: Invoice, *, lock: bool = True) -> list[tuple[Credit, Decimal]]:
    """What is left of each credit that an invoice may use, the oldest first. One that ends within the month still counts."""
    found: QuerySet[Credit] = Credit.objects.select_for_update() if lock else Credit.objects.all()
    found = found.filter(tenant_id=tenant_id, currency=invoice.currency)
    usable = found.exclude(expires_at__lte=invoice.period_start).exclude(carried_from=invoice.pk).order_by("granted_at", "pk")
    uses = CreditUse.objects.filter(credit__tenant_id=tenant_id).order_by().values_list("credit").annotate(Sum("amount"))
    used: dict[UUID, Decimal] = dict(uses)  # type: ignore[arg-type]
    left = [(credit, credit.amount - used.get(credit.pk, Decimal(0))) for credit in usable]
    return [(credit, amount) for credit, amount in left if amount > 0]


def _fee_lines(invoice: Invoice, shares: Iterable[Share]) -> list[InvoiceLine]:
    lines = []
    for share in shares:
        plan, seats = share.subscription.plan, share.extra_seats
        details = {
            "plan": plan.code,
            "fee": str(plan.fee),
            "from": share.first.isoformat(),
            "until": share.last.isoformat(),
            "days": share.days,
            "fee_days": share.fee_days,
            "month_days": share.month_days,
        }
        if fee := share.fee():
            lines.append(_line(invoice, Kind.FEE, fee_words(share), fee, details, Decimal(1), "month"))
        if fee := share.seats_fee():
            seat = {**details, "fee": str(plan.seat_price), "seats": share.subscription.seats, "included": plan.included_seats}
            lines.append(_line(invoice, Kind.SEATS, seats_words(share), fee, seat, Decimal(seats), "seat"))
    return lines


def _usage_lines(invoice: Invoice, groups: list[Group], names: dict[UUID, str]) -> list[InvoiceLine]:
    """Still without amounts; calls come first, then by the agent's name."""
    order = list(SourceType.values)
    groups = sorted(
        groups, key=lambda one: (order.index(one.source_type), names.get(one.agent_id or UUID(int=0), "~"), one.channel)
    )
    return [
        InvoiceLine(
            invoice=invoice,
            kind=Kind.USAGE,
            source_type=group.source_type,
            agent_id=group.agent_id,
            channel=group.channel,
            exact=Decimal(0),
            amount=Decimal(0),
        )
        for group in groups
    ]


def _fill(invoice: Invoice, lines: list[InvoiceLine], sums: dict[UUID, Sums], names: dict[UUID, str], zone: str) -> None:
    for line in lines:
        found = sums[line.pk]
        group = Group(line.source_type, line.agent_id, line.channel)
        timed = UNITS_COUNTED[line.source_type] == "minute"
        line.description = usage_words(group, found, names, (day_at(found.first, zone), invoice.month))
        line.quantity = (found.seconds / 60).quantize(MICRO) if timed else Decimal(found.things)
        line.unit, line.entries, line.exact = UNITS_COUNTED[line.source_type], found.entries, found.total
        line.details = {
            "parts": {part: str(amount) for part, amount in found.parts.items()},
            "things": found.things,
            "unpriced": found.unpriced,
            "first": found.first.isoformat(),
            "last": found.last.isoformat(),
        }


def _reduction_line(invoice: Invoice, one: Reduction) -> InvoiceLine:
    if one.kind == Kind.INCLUDED:
        words = included_words(one.key, one.quantity, one.month)
    else:
        facts = {name: one.details[name] for name in ("kind", "provider", "model")}
        words = tier_words(Price(**facts), one.month)
    line = _line(invoice, one.kind, words, one.exact, one.details, one.quantity, one.unit)
    line.source_type = one.source_type
    return line


def _line(
    invoice: Invoice, kind: str, words: str, exact: Decimal, details: dict[str, Any], quantity: Decimal, unit: str
) -> InvoiceLine:
    return InvoiceLine(
        invoice=invoice,
        kind=kind,
        description=words,
        exact=exact,
        amount=Decimal(0),
        details=details,
        quantity=quantity,
        unit=unit,
    )


def _credit_line(invoice: Invoice, position: int, amount: Decimal, words: str, credit: Credit) -> InvoiceLine:
    line = _line(invoice, Kind.CREDIT, words, amount, {"credit": str(credit.pk)}, Decimal(1), "")
    line.position, line.amount = position, amount
    return line


def _carry(invoice: Invoice, amount: Decimal, position: int) -> Decimal:
    reason = f"left over from {invoice.month:%B %Y}"
    credit = Credit.objects.create(
        tenant_id=invoice.tenant_id, amount=amount, currency=invoice.currency, reason=reason, carried_from=invoice
    )
    _credit_line(invoice, position, amount, f"Carried over to your next invoice: {amount:f} {invoice.currency}", credit).save()
    return -amount


def _round(lines: list[InvoiceLine], currency: str) -> None:
    for line, amount in zip(lines, distribute([line.exact for line in lines], currency), strict=True):
        line.amount = amount


def _number(lines: list[InvoiceLine]) -> None:
    for position, line in enumerate(lines):
        line.position = position
