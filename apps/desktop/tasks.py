"""The desktop's periodic work."""

import structlog
from celery import shared_task
from django.db import DatabaseError
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.core.schema import schemas_where
from apps.core.tasks import PublicTask
from apps.desktop.services.conversations import conversation_sweep
from apps.desktop.services.conversations.sweep import DUE
from apps.tenants.selectors import tenants_active

log = structlog.get_logger(__name__)


@shared_task(base=PublicTask, expires=3)
def desktop_sweep_task() -> int:
    """Does what is due at every tenant's desktop; tenants with nothing due cost a look into three small indexes."""
    return desktop_sweep()


def desktop_sweep() -> int:
    """Returns how many conversations were changed. A tenant whose tables fail holds up nobody else."""
    count, now = 0, timezone.now()
    for schema in _schemas_due():
        try:
            with schema_context(schema):
                count += conversation_sweep(now)
        except DatabaseError as error:
            log.error("desktop_sweep_failed", schema=schema, error=type(error).__name__)
    return count


def _schemas_due() -> list[str]:
    schemas = list(tenants_active().values_list("schema_name", flat=True))
    return schemas_where(schemas, lambda schema: f"EXISTS (SELECT 1 FROM {schema}.desktop_conversation WHERE {DUE})")  # noqa: S608 our own names
