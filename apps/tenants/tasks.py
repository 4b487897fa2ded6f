"""Exports, and the end of companies whose time of grace is over."""

from celery import shared_task

from apps.core.tasks import PublicTask
from apps.tenants.exports import export_run
from apps.tenants.models import TenantExport
from apps.tenants.services_company import tenants_delete_due


@shared_task(base=PublicTask, time_limit=3600)
def export_task(pk: str) -> None:
    export_run(TenantExport.objects.select_related("tenant").get(pk=pk))


@shared_task(base=PublicTask, expires=3600)
def tenants_delete_task() -> int:
    return tenants_delete_due()
