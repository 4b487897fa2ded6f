"""Suspending and restoring a company. Its own audit log tells of it, and so does the platform's."""

from django.db import transaction
from django_tenants.utils import tenant_context

from apps.billing.models import StaffAct
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.tenants.models import Tenant
from apps.tenants.services_company import tenant_restore, tenant_suspend


@transaction.atomic
def company_suspend(*, tenant: Tenant, reason: str, by: str) -> None:
    """Its host, calls and messages stop; its people read the reason. Raises PermanentError without one."""
    sentence = reason_checked(reason)
    with tenant_context(tenant):  # whose audit log tells of it
        tenant_suspend(tenant=tenant)
    act_record(kind=StaffAct.Kind.SUSPENDED, tenant=tenant, reason=sentence, by=by)


@transaction.atomic
def company_restore(*, tenant: Tenant, reason: str, by: str) -> None:
    """Serves it again, and takes back a planned deletion. Raises PermanentError without a reason."""
    sentence = reason_checked(reason)
    with tenant_context(tenant):
        tenant_restore(tenant=tenant)
    act_record(kind=StaffAct.Kind.RESTORED, tenant=tenant, reason=sentence, by=by)
