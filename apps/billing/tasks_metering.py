"""What metering does in the background."""

from celery import shared_task

from apps.billing.services.rerate import entries_rerate
from apps.core.tasks import PublicTask


@shared_task(base=PublicTask)
def rerate_task() -> int:
    """Charges what got a price meanwhile; returns how many entries."""
    return entries_rerate().rated
