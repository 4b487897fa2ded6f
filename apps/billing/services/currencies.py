"""In which currency a company is charged. What was used before stays in the one that it was charged in."""

from django.db import transaction

from apps.billing.locks import tenant_money_lock
from apps.billing.models import BillingProfile, Plan
from apps.billing.selectors.currencies import currencies_priced
from apps.billing.selectors.plans import subscription_next, subscription_on
from apps.billing.services.plans import subscription_change, subscription_end, tenant_today
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant


class CurrencyRefused(PermanentError):
    """Why a company cannot be charged in a currency, as a sentence."""


@transaction.atomic
def currency_change(*, tenant: Tenant, currency: str, plan: Plan | None, seats: int = 1) -> BillingProfile:
    """Charges a company in another currency (ISO 4217) from now on, on a plan in it from today on, or on none.

    Nothing is converted: what was used, credited or limited in the currency before stays in it, and is invoiced in it.
    Raises CurrencyRefused for the currency it has, one without a price book in effect, and a plan in another one; PlanRefused
    where today is invoiced already.
    """
    tenant_money_lock(tenant)
    BillingProfile.objects.get_or_create(tenant=tenant)
    profile = BillingProfile.objects.select_for_update().get(tenant=tenant)
    _check(profile, currency, plan)
    profile.currency = currency
    profile.save(update_fields=["currency", "updated_at"])
    today = tenant_today(tenant)
    if plan is not None:
        subscription_change(tenant=tenant, plan=plan, seats=seats, on=today)
    elif subscription_on(tenant, today) or subscription_next(tenant, today):
        subscription_end(tenant=tenant, on=today)
    return profile


def _check(profile: BillingProfile, currency: str, plan: Plan | None) -> None:
    if currency == profile.currency:
        raise CurrencyRefused(f"{profile.tenant.name} is charged in {currency} already.")
    if currency not in currencies_priced():
        raise CurrencyRefused(
            f"No price book in {currency} is in effect, so nothing would have a price. Copy a book into {currency} under "
            "Price books, and choose it here once it is in effect."
        )
    if plan is not None and plan.currency != currency:
        raise CurrencyRefused(f"{plan.name} is sold in {plan.currency}; choose a plan in {currency}, or none.")
