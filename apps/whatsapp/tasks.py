"""The WhatsApp Service's tasks. What has to happen is in Postgres; these hurry it, or show typing."""

import structlog
from celery import shared_task
from django_tenants.utils import schema_context

from apps.core.errors import MeridianError
from apps.core.outbox import effects_here
from apps.core.tasks import PublicTask, TenantTask
from apps.tenants.selectors import tenants_active
from apps.whatsapp.channel import SEND
from apps.whatsapp.models import Turn
from apps.whatsapp.services.catalogue import templates_sync_all
from apps.whatsapp.services.indicators import typing_show
from apps.whatsapp.services.turns import TURN, turn_start, turns_sweep
from apps.whatsapp.wakes import tenant_settled, tenants_with_turns

log = structlog.get_logger(__name__)


@shared_task(base=TenantTask, expires=60)
def turn_start_task(turn_id: str) -> bool:
    """Comes when a burst of messages may have ended. The contact waits, so the turn goes to Herald from here."""
    with effects_here(TURN, SEND):
        return turn_start(turn_id)


def turn_start_now(schema: str, turn_id: str) -> bool:
    """As turn_start_task, for a resident of this process."""
    with schema_context(schema), effects_here(TURN, SEND):
        return turn_start(turn_id)


@shared_task(base=TenantTask, expires=15)
def typing_task(conversation_id: str) -> bool:
    """Shows the contact that somebody types; it is not worth a second try."""
    return typing_show(conversation_id)


@shared_task(base=PublicTask, expires=3)
def turns_sweep_task() -> int:
    """Each second, in the tenants that had turns lately."""
    return sum(_sweep(schema) for schema in tenants_with_turns() if tenants_active().filter(schema_name=schema).exists())


@shared_task(base=PublicTask, expires=30)
def turns_sweep_all_task() -> int:
    """In every tenant: Redis may have forgotten who has turns."""
    return sum(_sweep(schema) for schema in list(tenants_active().values_list("schema_name", flat=True)))


def _sweep(schema: str) -> int:
    with schema_context(schema):
        done = turns_sweep()
        if not Turn.objects.filter(state__in=(Turn.State.COLLECTING, Turn.State.RUNNING)).exists():
            tenant_settled(schema)
        return done


@shared_task(base=PublicTask, expires=600)
def templates_sync_task() -> int:
    """Each quarter of an hour: what Meta has approved, changed or paused."""
    return sum(_synced(schema) for schema in list(tenants_active().values_list("schema_name", flat=True)))


@shared_task(base=PublicTask, expires=600)
def templates_account_task(waba_id: str) -> int:
    """Meta has told that something about a business account's templates changed: in every tenant that has a number of it."""
    return sum(_synced(schema, waba_id) for schema in list(tenants_active().values_list("schema_name", flat=True)))


def _synced(schema: str, waba_id: str = "") -> int:
    with schema_context(schema):
        try:
            return templates_sync_all(waba_id)
        except MeridianError as error:
            log.warning("templates_not_synced", error=type(error).__name__)
            return 0
