"""Task bases and the mailboxes' own tasks. A tenant task without its tenant raises instead of running in public."""

from typing import Any

from celery import shared_task
from django_tenants.utils import schema_context
from tenant_schemas_celery.task import TenantTask as TenantHeaderTask

from apps.core import residents  # noqa: F401  they listen to the worker
from apps.core.errors import PermanentError
from apps.core.schema import schema_current


class TenantTask(TenantHeaderTask):
    """Runs inside the tenant whose schema was current when it was queued. Queue it with delay_on_commit."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if schema_current() == "public":
            raise PermanentError(f"{self.name} was queued without a tenant; queue it from inside one.")
        return super().__call__(*args, **kwargs)


class PublicTask(TenantHeaderTask):
    """Runs in the public schema, whoever queued it."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with schema_context("public"):
            return super().__call__(*args, **kwargs)


class MailTask(TenantHeaderTask):
    """Works on a mailbox. Mailboxes are seen from every schema, so it starts in whichever queued it and enters each row's own."""

    abstract = True


@shared_task(base=MailTask)
def inbox_drain_task() -> int:
    from apps.core.inbox import inbox_drain

    return inbox_drain()


@shared_task(base=PublicTask, expires=5)
def inbox_sweep_task() -> int:
    """Takes up what no hint announced: Redis lost it, a worker died with it, or its time to retry has come."""
    from apps.core.inbox import inbox_drain

    return inbox_drain()


@shared_task(base=MailTask)
def outbox_send_task(pk: str) -> bool:
    from apps.core.outbox import outbox_send

    return outbox_send(pk)


@shared_task(base=PublicTask, expires=5)
def outbox_sweep_task() -> int:
    from apps.core.outbox import outbox_drain

    return outbox_drain()


@shared_task(base=PublicTask)
def inbox_forget_task() -> int:
    from apps.core.retention import inbox_forget

    return inbox_forget()


@shared_task(base=PublicTask)
def outbox_forget_task() -> int:
    from apps.core.retention import outbox_forget

    return outbox_forget()
