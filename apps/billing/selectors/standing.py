"""Who owes what, and since when."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from apps.billing.models import Invoice
from apps.tenants.models import Tenant


@dataclass(frozen=True)
class Owed:
    """A tenant's overdue invoices. `pay_url` is the oldest one's page at Stripe."""

    invoices: int
    amount: Decimal
    currency: str
    since: datetime | None
    pay_url: str


def owed_by(tenant: Tenant) -> Owed:
    """What is overdue, with what was written off and not forgiven; amounts in the currency of the oldest."""
    late = Q(state=Invoice.State.OPEN, due_at__lt=timezone.now()) | Q(state=Invoice.State.UNCOLLECTIBLE)
    rows = list(Invoice.objects.filter(late, tenant=tenant).order_by("due_at"))
    if not rows:
        return Owed(0, Decimal(0), "", None, "")
    oldest = rows[0]
    same = [row for row in rows if row.currency == oldest.currency]
    amount = sum((row.total - row.paid - row.credited for row in same), Decimal(0))
    return Owed(len(rows), amount, oldest.currency, oldest.due_at, oldest.hosted_url)
