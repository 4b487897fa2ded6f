"""Invoices as the monthly run leaves them, for tests of what happens to them at Stripe."""

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from apps.billing.models import BillingProfile, Invoice, InvoiceLine
from apps.tenants.models import Tenant

MONTH = date(2026, 10, 1)
_numbers = itertools.count(1)


def profile_of(tenant: Tenant, **values: Any) -> BillingProfile:
    """A tenant's billing details."""
    row = BillingProfile.objects.get_or_create(tenant=tenant)[0]
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row


def draft_of(
    tenant: Tenant,
    amounts: Sequence[str] = ("20.00", "0.00", "12.34", "-2.34"),
    *,
    currency: str = "USD",
    month: date = MONTH,
    **values: Any,
) -> Invoice:
    """A draft with a line for each amount."""
    total = sum(map(Decimal, amounts), Decimal())
    begin = datetime(month.year, month.month, 1, tzinfo=UTC)
    end = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)
    fields = {"number": f"M-{next(_numbers):05d}", "period_start": begin, "period_end": end, "subtotal": total, "total": total}
    invoice = Invoice.objects.create(tenant=tenant, month=month, currency=currency, **{**fields, **values})
    for position, amount in enumerate(amounts):
        kind = InvoiceLine.Kind.FEE if position == 0 else InvoiceLine.Kind.USAGE
        InvoiceLine.objects.create(
            invoice=invoice,
            position=position,
            kind=kind,
            description=f"Line {position}",
            exact=Decimal(amount),
            amount=Decimal(amount),
        )
    return invoice
