"""The next invoices as they stand, one for each currency: what would be on them if nothing more were used.

Nothing is written, and nothing is locked.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from apps.billing.models import Invoice, InvoiceLine
from apps.billing.months import month_before, month_bounds, month_first
from apps.billing.periods import today_in
from apps.billing.rounding import rounded_down, rounded_to
from apps.billing.selectors.plans import month_shares
from apps.billing.selectors.prices import tenant_currency
from apps.billing.selectors.spend import Narrowed, spend_totals
from apps.billing.services.invoice_claims import currencies_open, open_before
from apps.billing.services.invoice_cover import reductions
from apps.billing.services.invoice_lines import credits_left
from apps.tenants.models import Tenant

ZERO = Decimal(0)
INVOICED_BY = timedelta(days=7)  # of the month: until then the month before may still get its own invoice


@dataclass(frozen=True)
class Upcoming:
    """Amounts in `currency`; `included`, `volume` and `credits` are taken off, so they are 0 or below. Without tax.

    `fees` are those of the whole month as plan and seats are now, `late` what was used before the month and is on no invoice.
    """

    month: date
    currency: str
    fees: Decimal
    usage: Decimal
    late: Decimal
    included: Decimal
    volume: Decimal
    credits: Decimal
    total: Decimal

    @property
    def carried(self) -> Decimal:
        """What comes out below 0, and would be carried over to the invoice after it."""
        return max(-rounded_to(self.before_credits, self.currency), ZERO)

    @property
    def before_credits(self) -> Decimal:
        return self.fees + self.usage + self.late + self.included + self.volume


def upcoming_invoices(tenant: Tenant) -> list[Upcoming]:
    """What the running month comes to so far, by the same rules as its invoices will be made.

    The one in the tenant's own currency comes first; one in another only where something is on it, such as after a change.
    """
    month = month_first(today_in(tenant.timezone))
    own, shares = tenant_currency(tenant), month_shares(tenant, month)
    spent = {currency: one.total for currency, one in spend_totals(tenant, Narrowed(since=month)).items()}
    fees: dict[str, Decimal] = {}
    for share in shares:
        currency = share.subscription.plan.currency
        fees[currency] = fees.get(currency, ZERO) + share.fee() + share.seats_fee()
    late = _is_dealt_with(tenant, month)
    earlier = currencies_open(tenant, month_bounds(month, tenant.timezone)[0]) if late else set()
    others = sorted({*spent, *fees, *earlier} - {own})
    found = [
        _upcoming(tenant, month, currency, fees.get(currency, ZERO), spent.get(currency, ZERO), late)
        for currency in (own, *others)
    ]
    return [one for one in found if one.currency == own or one.fees or one.usage or one.late]


def _upcoming(tenant: Tenant, month: date, currency: str, fees: Decimal, usage: Decimal, is_late: bool) -> Upcoming:
    begin, end = month_bounds(month, tenant.timezone)
    invoice = Invoice(tenant=tenant, month=month, period_start=begin, period_end=end, currency=currency)
    taken_off = {InvoiceLine.Kind.INCLUDED.value: ZERO, InvoiceLine.Kind.TIER.value: ZERO}
    for one in reductions(invoice, tenant, [month], running=True):
        taken_off[one.kind] += one.exact
    late = open_before(invoice) if is_late else ZERO
    included, volume = taken_off[InvoiceLine.Kind.INCLUDED], taken_off[InvoiceLine.Kind.TIER]
    due = max(rounded_to(fees + usage + late + included + volume, currency), ZERO)
    left = sum((rounded_down(amount, currency) for _credit, amount in credits_left(tenant.pk, invoice, lock=False)), ZERO)
    credits = min(left, due)
    return Upcoming(month, currency, fees, usage, late, included, volume, -credits, due - credits)


def _is_dealt_with(tenant: Tenant, month: date) -> bool:
    """Whether what is left of earlier months comes on this month's invoice, and not on one of their own."""
    if today_in(tenant.timezone) >= month + INVOICED_BY:
        return True
    return Invoice.objects.filter(tenant=tenant, month=month_before(month)).exclude(state=Invoice.State.DRAFT).exists()
