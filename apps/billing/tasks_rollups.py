"""The periodic work behind finance's pages."""

from celery import shared_task

from apps.billing.services.rollups import spend_fold
from apps.core.tasks import PublicTask


@shared_task(base=PublicTask, expires=30)
def spend_fold_task() -> int:
    """Adds new rows of the ledger to the slots; what it has not taken yet is read from the ledger itself."""
    return spend_fold()
