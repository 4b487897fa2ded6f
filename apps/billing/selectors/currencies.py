"""Reads about a company's currency: which there are to choose from, and what a change leaves behind."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from apps.billing.models import Credit, PriceBook, PriceOverride, SpendLimit, Subscription
from apps.billing.months import month_first
from apps.billing.periods import today_in
from apps.billing.selectors.plans import subscription_on
from apps.billing.selectors.prices import tenant_currency
from apps.billing.selectors.spend import Narrowed, spend_total
from apps.billing.selectors.staff.tenant import credits_left
from apps.tenants.models import Tenant


@dataclass(frozen=True)
class LeftBehind:
    """What a company has in the currency that it is charged in. `used` is this month's usage, `credits` what is left of them."""

    currency: str
    used: Decimal
    credits: Decimal
    overrides: int
    limits: int
    subscription: Subscription | None


def currencies_priced() -> list[str]:
    """Those that have a price book in effect."""
    found = PriceBook.objects.filter(effective_from__lte=timezone.now()).order_by("currency")
    return list(found.values_list("currency", flat=True).distinct())


def currency_left_behind(tenant: Tenant) -> LeftBehind:
    """What stays in the present currency when a company gets another."""
    now, currency, today = timezone.now(), tenant_currency(tenant), today_in(tenant.timezone)
    credits = Credit.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), tenant=tenant, currency=currency)
    own = PriceOverride.objects.filter(Q(effective_until=None) | Q(effective_until__gt=now), tenant=tenant, currency=currency)
    return LeftBehind(
        currency=currency,
        used=spend_total(tenant, Narrowed(since=month_first(today), currency=currency)).total,
        credits=sum((credit.left for credit in credits_left(credits)), Decimal(0)),  # type: ignore[attr-defined]
        overrides=own.count(),
        limits=SpendLimit.objects.filter(tenant=tenant, active=True, currency=currency).count(),
        subscription=subscription_on(tenant, today),
    )
