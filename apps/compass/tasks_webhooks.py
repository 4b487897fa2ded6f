"""Webhooks' periodic work."""

from celery import shared_task
from django_tenants.utils import schema_context

from apps.compass.services.webhooks import webhooks_purge
from apps.core.tasks import PublicTask
from apps.tenants.selectors import tenants_active


@shared_task(base=PublicTask, expires=3000)
def webhooks_purge_task() -> int:
    """Forgets what every tenant's log kept for long enough."""
    count = 0
    for schema in list(tenants_active().values_list("schema_name", flat=True)):
        with schema_context(schema):
            count += webhooks_purge()
    return count
