"""Celery: tasks carry their tenant in a header; beat drives the sweepers."""

import os

from config.env import env_load

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
env_load()

from celery.schedules import crontab  # noqa: E402
from celery.signals import setup_logging  # noqa: E402
from tenant_schemas_celery.app import CeleryApp  # noqa: E402

from config.alive import alive_watch  # noqa: E402

app = CeleryApp("meridian", fixups=["config.fixup:fixup"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
alive_watch(app)
app.conf.beat_schedule = {
    "inbox-sweep": {"task": "apps.core.tasks.inbox_sweep_task", "schedule": 2.0},
    "inbox-forget": {"task": "apps.core.tasks.inbox_forget_task", "schedule": crontab(hour=3, minute=20)},
    "outbox-forget": {"task": "apps.core.tasks.outbox_forget_task", "schedule": crontab(hour=3, minute=30)},
    "exports-purge": {"task": "apps.tenants.tasks.exports_purge_task", "schedule": crontab(hour=3, minute=35)},
    "outbox-sweep": {"task": "apps.core.tasks.outbox_sweep_task", "schedule": 2.0},
    "tenants-delete": {"task": "apps.tenants.tasks.tenants_delete_task", "schedule": crontab(hour=2, minute=40)},
    "domains-recheck": {"task": "apps.tenants.tasks.domains_recheck_task", "schedule": crontab(hour=5, minute=15)},
    "invoices-due": {"task": "apps.billing.tasks.invoices_due_task", "schedule": crontab(minute=10)},
    "calls-sweep": {"task": "apps.calls.tasks.calls_sweep_task", "schedule": 1.5},
    "recordings-close": {"task": "apps.calls.tasks_recordings.recordings_close_task", "schedule": 20.0},
    "recordings-purge": {"task": "apps.calls.tasks_recordings.recordings_purge_task", "schedule": 3600.0},
    "documents-sweep": {"task": "apps.compass.tasks.documents_sweep_task", "schedule": 5.0},
    "desktop-sweep": {"task": "apps.desktop.tasks.desktop_sweep_task", "schedule": 2.0},
    "whatsapp-turns-sweep": {"task": "apps.whatsapp.tasks.turns_sweep_task", "schedule": 1.0},
    "whatsapp-turns-sweep-all": {"task": "apps.whatsapp.tasks.turns_sweep_all_task", "schedule": 30.0},
    "billing-spend-fold": {"task": "apps.billing.tasks_rollups.spend_fold_task", "schedule": 20.0},
    "webhooks-purge": {"task": "apps.compass.tasks_webhooks.webhooks_purge_task", "schedule": 3600.0},
    "spend-expire": {"task": "apps.billing.tasks_limits.spend_expire_task", "schedule": 30.0},
    "billing-rerate": {"task": "apps.billing.tasks_metering.rerate_task", "schedule": crontab(hour=3, minute=50)},
    "dunning": {"task": "apps.billing.tasks_stripe.dunning_task", "schedule": crontab(minute=25)},
    "stripe-reconcile": {"task": "apps.billing.tasks_stripe.stripe_reconcile_task", "schedule": crontab(hour=4, minute=40)},
    "transfers-tell": {"task": "apps.billing.tasks_stripe.transfers_tell_task", "schedule": crontab(hour=4, minute=20)},
    "stripe-resume": {"task": "apps.billing.tasks_stripe.invoices_resume_task", "schedule": 60.0},
    "whatsapp-templates-sync": {"task": "apps.whatsapp.tasks.templates_sync_task", "schedule": 900.0},
}


@setup_logging.connect
def _keep_django_logging(**_: object) -> None:
    """Celery would replace the root logger; Django's LOGGING stays instead."""
