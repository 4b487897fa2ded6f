"""What happens at Stripe by itself: invoices that were held up go on, reminders go out, and the two sides are compared."""

from celery import shared_task

from apps.billing.services.dunning import dunning_run
from apps.billing.services.reconcile import reconcile
from apps.billing.services.stripe_sync import invoices_resume
from apps.billing.services.transfers_stripe import transfers_tell
from apps.billing.stripe_api import stripe_configured
from apps.core.tasks import PublicTask


@shared_task(base=PublicTask, expires=60)
def invoices_resume_task() -> int:
    """Each minute: what an outage or a crash held up."""
    return invoices_resume() if stripe_configured() else 0


@shared_task(base=PublicTask, expires=3000)
def dunning_task() -> int:
    """Each hour: reminders that are due, and everybody's standing."""
    return dunning_run()


@shared_task(base=PublicTask, expires=3600)
def transfers_tell_task() -> int:
    """Once a day, before the comparison: Stripe hears of bank transfers whose books are closed."""
    return transfers_tell() if stripe_configured() else 0


@shared_task(base=PublicTask, expires=3600)
def stripe_reconcile_task() -> int:
    """Once a day: takes over what a lost webhook did not tell, and records what else differs; returns how many sentences."""
    return len(reconcile(fix_safe=True).differences)
