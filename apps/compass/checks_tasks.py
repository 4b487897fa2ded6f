"""The task that runs an agent's checks, beside the turns: it mostly waits for models, as they do."""

from celery import shared_task

from apps.compass.services.checks_running import run_work
from apps.core.tasks import TenantTask


# Acknowledged at its start: a run whose worker was killed is marked as interrupted, and a person runs it again.
@shared_task(base=TenantTask, queue="turns", acks_late=False)
def checks_run_task(run_id: str) -> str:
    """Runs one run to its end, once."""
    return run_work(run_id=run_id)
