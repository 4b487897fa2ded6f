"""Compass's tasks. What has to happen is in Postgres; these hurry it."""

from datetime import datetime

import structlog
from celery import shared_task
from django.db import DatabaseError
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.compass.services.knowledge_index import document_work, documents_due, schemas_due
from apps.core.tasks import PublicTask, TenantTask
from apps.tenants.selectors import tenants_active

log = structlog.get_logger(__name__)


@shared_task(base=TenantTask, expires=120)
def document_work_task(document_id: str) -> bool:
    """Works on a document for some seconds, then lets others come first."""
    return document_work(document_id)


@shared_task(base=PublicTask, expires=8)
def documents_sweep_task() -> int:
    """Queues what no hint announced, what a worker died with, and what a day or another embedding model makes due."""
    now, count = timezone.now(), 0
    schemas = list(tenants_active().values_list("schema_name", flat=True))
    for schema in schemas_due(schemas, now):
        try:
            with schema_context(schema):
                count += _sweep(now)
        except DatabaseError as error:  # holds up nobody else
            log.error("documents_sweep_failed", schema=schema, error=type(error).__name__)
    return count


def _sweep(now: datetime) -> int:
    due = documents_due(now)
    for document_id in due:
        document_work_task.delay(str(document_id))
    return len(due)
