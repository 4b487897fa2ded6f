"""A company's plan, seats and trial, as the platform's staff change them."""

from datetime import date

from django.db import transaction

from apps.billing.models import Plan, StaffAct, Subscription
from apps.billing.services.plans import subscription_change, trial_extend
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.tenants.models import Tenant


@transaction.atomic
def plan_move(*, tenant: Tenant, plan: Plan, seats: int, reason: str, by: str) -> Subscription:
    """As subscription_change from today on, and written down; also a retired plan. Raises PermanentError as that does."""
    sentence = reason_checked(reason)
    row = subscription_change(tenant=tenant, plan=plan, seats=seats)
    act_record(kind=StaffAct.Kind.PLAN, tenant=tenant, subject=f"{plan.name}, seats: {seats}", reason=sentence, by=by)
    return row


@transaction.atomic
def trial_lengthen(*, tenant: Tenant, until: date, reason: str, by: str) -> Subscription:
    """As trial_extend, and written down. Raises PermanentError as that does."""
    sentence = reason_checked(reason)
    row = trial_extend(tenant=tenant, until=until)
    act_record(kind=StaffAct.Kind.TRIAL, tenant=tenant, subject=f"{row.plan.name}, until {until}", reason=sentence, by=by)
    return row
