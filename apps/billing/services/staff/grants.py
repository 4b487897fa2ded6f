"""Credits and plans, as the platform's staff give and make them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.billing.models import Credit, Plan, StaffAct
from apps.billing.services.credits import credit_grant
from apps.billing.services.plans import plan_create, plan_retire
from apps.billing.services.staff.acts import act_record
from apps.tenants.models import Tenant


@transaction.atomic
def credit_give(
    *, tenant: Tenant, amount: Decimal, currency: str, reason: str, by: str, expires_at: datetime | None = None
) -> Credit:
    """As credit_grant, and written down. Raises PermanentError as that does."""
    credit = credit_grant(tenant=tenant, amount=amount, currency=currency, reason=reason, by=by, expires_at=expires_at)
    subject = f"{credit.amount.normalize():f} {credit.currency}"
    act_record(kind=StaffAct.Kind.CREDIT, tenant=tenant, subject=subject, reason=reason, by=by)
    return credit


@transaction.atomic
def plan_make(*, by: str, **values: Any) -> Plan:
    """As plan_create, and written down. Raises PermanentError as that does."""
    plan = plan_create(**values)
    act_record(kind=StaffAct.Kind.PLAN_MADE, subject=f"{plan.name} ({plan.code})", by=by)
    return plan


@transaction.atomic
def plan_withdraw(*, plan: Plan, by: str) -> Plan:
    """As plan_retire, and written down: nobody can choose it any more, whoever is on it stays."""
    act_record(kind=StaffAct.Kind.PLAN_RETIRED, subject=f"{plan.name} ({plan.code})", by=by)
    return plan_retire(plan=plan)
