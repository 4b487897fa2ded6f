"""The Call Service's periodic work."""

from celery import shared_task

from apps.calls.services.sweep import calls_sweep
from apps.core.tasks import PublicTask


@shared_task(base=PublicTask, expires=3)
def calls_sweep_task() -> int:
    """Reconciles rooms, participants and calls of every tenant."""
    return calls_sweep()
