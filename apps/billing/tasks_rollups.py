"""The periodic work behind finance's pages."""

from celery import shared_task

from apps.billing.services.rollups import spend_fold, spend_rezone
from apps.core.tasks import PublicTask


@shared_task(base=PublicTask, expires=30)
def spend_fold_task() -> int:
    """Adds new rows of the ledger to the days, and counts anew for tenants whose time zone moved."""
    spend_rezone()
    return spend_fold()
