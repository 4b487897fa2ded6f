"""A company's currency, as the platform's staff change it."""

from django.db import transaction
from django_tenants.utils import tenant_context

from apps.billing.models import BillingProfile, Plan, StaffAct
from apps.billing.selectors.prices import tenant_currency
from apps.billing.services.currencies import currency_change
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.tenants.models import Tenant


@transaction.atomic
def currency_move(*, tenant: Tenant, currency: str, plan: Plan | None, seats: int, reason: str, by: str) -> BillingProfile:
    """As currency_change, and written down. Raises PermanentError as that does."""
    sentence, before = reason_checked(reason), tenant_currency(tenant)
    with tenant_context(tenant):  # whose audit log tells of it
        profile = currency_change(tenant=tenant, currency=currency, plan=plan, seats=seats)
    subject = f"{before} to {currency}, {f'plan: {plan.name}' if plan else 'no plan'}"
    act_record(kind=StaffAct.Kind.CURRENCY, tenant=tenant, subject=subject, reason=sentence, by=by)
    return profile
