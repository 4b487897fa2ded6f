"""Exports, and the end of companies whose time of grace is over."""

from celery import shared_task

from apps.core.tasks import PublicTask
from apps.tenants.exports import export_run, exports_purge
from apps.tenants.models import CustomDomain, Tenant, TenantExport
from apps.tenants.services_company import tenants_delete_due
from apps.tenants.services_domains import domain_recheck


@shared_task(base=PublicTask, time_limit=3600)
def export_task(pk: str) -> None:
    export_run(TenantExport.objects.select_related("tenant").get(pk=pk))


@shared_task(base=PublicTask, expires=3600)
def exports_purge_task() -> int:
    return exports_purge()


@shared_task(base=PublicTask, expires=3600)
def tenants_delete_task() -> int:
    return tenants_delete_due()


@shared_task(base=PublicTask, expires=3600)
def domains_recheck_task() -> int:
    """One task each: a name server that does not answer holds up nobody else's."""
    rows = CustomDomain.objects.filter(verified_at__isnull=False, tenant__status=Tenant.Status.ACTIVE)
    pks = list(rows.values_list("pk", flat=True))
    for pk in pks:
        domain_recheck_task.delay(str(pk))
    return len(pks)


@shared_task(base=PublicTask, expires=12 * 3600)
def domain_recheck_task(pk: str) -> str:
    custom = CustomDomain.objects.select_related("tenant").filter(pk=pk, verified_at__isnull=False).first()
    return domain_recheck(custom=custom) if custom else "gone"
