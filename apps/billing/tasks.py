"""The monthly invoices: asked for every hour, made for each company once its month is over where it is."""

from datetime import date

from celery import shared_task

from apps.billing.services.invoice_runs import invoices_run, tenants_due
from apps.core.tasks import PublicTask
from apps.tenants.models import Tenant


@shared_task(base=PublicTask, expires=3000)
def invoices_due_task() -> int:
    """One task for each company, so that a slow one holds up no other; returns how many."""
    due = tenants_due()
    for tenant, month in due:
        invoice_tenant_task.delay(tenant.pk, month.isoformat())
    return len(due)


@shared_task(base=PublicTask, expires=3000)
def invoice_tenant_task(tenant_id: int, month: str) -> str:
    """What became of it; what failed is tried again in the next hour."""
    tenant = Tenant.objects.get(pk=tenant_id)
    report = invoices_run(month=date.fromisoformat(month), tenants=[tenant])
    return report.rows[0].outcome
