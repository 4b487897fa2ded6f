"""The periodic work of spend limits."""

from celery import shared_task

from apps.billing.services.limits import spend_expire
from apps.core.tasks import PublicTask


@shared_task(base=PublicTask, expires=30)
def spend_expire_task() -> int:
    """Each half minute: gives back what was held for work of which nothing was heard."""
    return spend_expire()
