"""What a company's people pages ask: whether its plan has room for so many, and what more seats cost."""

from apps.billing.proration import trial_left
from apps.billing.rounding import rounded_to
from apps.billing.selectors.plans import seat_preview, subscription_on
from apps.billing.services.plans import tenant_today
from apps.tenants.models import Tenant
from apps.tenants.seats import Seat


def seat_look(tenant: Tenant, people: int) -> Seat | None:
    """The seats that are missing for so many people, or None; a company without a plan has no seats to count."""
    today = tenant_today(tenant)
    now = subscription_on(tenant, today)
    if now is None or people <= now.seats:
        return None
    missing = people - now.seats
    preview = seat_preview(tenant, missing, today)
    assert preview is not None  # there is a plan
    charged = max(0, people - max(now.seats, now.plan.included_seats))
    price = rounded_to(now.plan.seat_price * charged, preview.currency)
    return Seat(now.seats, missing, price, preview.difference, preview.currency, trial_left(now, today))
