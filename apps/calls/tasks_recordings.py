"""Recordings: put together when their call is over, and deleted when their days are."""

from collections.abc import Callable

import structlog
from celery import shared_task
from django.db import DatabaseError
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.calls.models import CallRecording
from apps.calls.services.recordings import recording_close_due, recordings_close, recordings_purge
from apps.calls.services.recordings_files import recording_files_purge
from apps.core.errors import MeridianError
from apps.core.schema import schemas_where
from apps.core.tasks import PublicTask, TenantTask
from apps.tenants.selectors import tenants_kept

log = structlog.get_logger(__name__)
OPEN = "state = 'recording'"
ANY = "true"
EXPIRED = "state = 'ready' AND expires_at < now()"


@shared_task(base=TenantTask)
def recording_close_task(pk: str) -> bool:
    recording = CallRecording.objects.select_related("call").filter(pk=pk).first()
    return recording is not None and recording_close_due(recording, timezone.now())


@shared_task(base=PublicTask, expires=15)
def recordings_close_task() -> int:
    """Also those whose Media Bot died, and those that no hint announced."""
    return _each(OPEN, recordings_close)


@shared_task(base=PublicTask, expires=3000)
def recordings_purge_task() -> int:
    return _each(EXPIRED, recordings_purge) + _each(ANY, recording_files_purge)


def _each(condition: str, do: Callable[[], int]) -> int:
    """In every tenant with such a recording; one whose tables or files fail holds up nobody else."""
    schemas, count = list(tenants_kept().values_list("schema_name", flat=True)), 0
    found = schemas_where(schemas, lambda one: f"EXISTS (SELECT 1 FROM {one}.calls_callrecording WHERE {condition})")  # noqa: S608 our own names
    for schema in found:
        try:
            with schema_context(schema):
                count += do()
        except (DatabaseError, MeridianError, OSError) as error:
            log.error("recordings_failed", schema=schema, error=type(error).__name__)
    return count
