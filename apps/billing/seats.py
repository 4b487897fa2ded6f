"""What a company's people pages ask: whether its plan has room for so many, and what more seats cost."""

from django.utils.translation import gettext as _

from apps.billing.effects_seats import EMAIL, seat_facts
from apps.billing.models import BillingProfile
from apps.billing.proration import trial_left
from apps.billing.rounding import rounded_to
from apps.billing.selectors.plans import seat_preview, subscription_on
from apps.billing.services.plans import seats_add, tenant_today
from apps.core.outbox import effect_enqueue
from apps.tenants.access import MONEY
from apps.tenants.models import Membership, Tenant, User
from apps.tenants.seats import Seat, SeatsFull


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


def seat_admit(tenant: Tenant, seat: Seat) -> None:
    """The seats that somebody lacks whom single sign-on lets in. Raises SeatsFull where the company adds none that way."""
    if seat.price and BillingProfile.objects.filter(tenant=tenant, seats_grow=False).exists():
        raise SeatsFull(_("Every seat of %(company)s is taken. Ask one of its admins to invite you.") % {"company": tenant})
    seats_add(tenant=tenant, count=seat.missing)


def seat_tell(tenant: Tenant, seat: Seat, newcomer: User) -> None:
    """Has owners, admins and finance people told what was added for a newcomer; nothing where it costs nothing."""
    if not seat.price:
        return
    people = Membership.objects.filter(tenant=tenant, role__in=MONEY, user__is_active=True).exclude(user=newcomer)
    facts = {"tenant": tenant.pk, "user": str(newcomer.pk), **seat_facts(seat)}
    for user_id in people.order_by("pk").values_list("user_id", flat=True):
        effect_enqueue(kind=EMAIL, key=f"{EMAIL}:{newcomer.pk}:{user_id}", payload={**facts, "to": str(user_id)})
