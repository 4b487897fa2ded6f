"""Hints to hurry: when a turn should start, and which tenants have turns at all. The sweep over every tenant is the truth."""

from datetime import timedelta
from functools import partial
from typing import cast

import redis
import structlog
from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import OperationalError

from apps.core.hints import redis_client
from apps.core.residents import later
from apps.core.schema import schema_current
from apps.whatsapp.models import Turn

log = structlog.get_logger(__name__)
KEY = "meridian:whatsapp:tenants-with-turns"
EARLY = timedelta(milliseconds=5)  # a task that comes a moment too soon would leave the start to the sweep

TEMPLATES_SECONDS = 5  # what Meta tells of templates comes in bursts: one look for all of it


def templates_wake(waba_id: str) -> None:
    """Once the transaction has committed: has a business account's templates refreshed in a moment."""
    transaction.on_commit(lambda: _templates_wake(waba_id))


def _templates_wake(waba_id: str) -> None:
    from apps.whatsapp.tasks import templates_account_task

    try:
        if cache.add(f"whatsapp.templates:{waba_id}", 1, TEMPLATES_SECONDS):
            templates_account_task.apply_async((waba_id,), countdown=TEMPLATES_SECONDS, retry=False)
    except (redis.RedisError, OperationalError) as error:
        log.warning("templates_not_announced", error=type(error).__name__)  # the next quarter of an hour brings them


def turn_wake(turn: Turn, after: timedelta) -> None:
    """Once the transaction has committed: has the turn looked at when `after` has passed."""
    pk, schema = str(turn.pk), schema_current()
    transaction.on_commit(lambda: _wake(pk, schema, (after + EARLY).total_seconds()))


def _wake(turn_id: str, schema: str, seconds: float) -> None:
    from apps.whatsapp.tasks import turn_start_now, turn_start_task

    try:
        redis_client().sadd(KEY, schema)
        if later(f"turn:{turn_id}", seconds, partial(turn_start_now, schema, turn_id)):
            return
        turn_start_task.apply_async((turn_id,), countdown=seconds, retry=False)
    except (redis.RedisError, OperationalError) as error:
        log.warning("turn_not_announced", error=type(error).__name__)  # the sweep starts it


def tenants_with_turns() -> set[str]:
    """The schemas that had turns lately; empty when Redis is away."""
    try:
        return cast("set[str]", redis_client().smembers(KEY))
    except redis.RedisError as error:
        log.warning("turns_unavailable", error=type(error).__name__)
        return set()


def tenant_settled(schema: str) -> None:
    """The tenant has no open turn any more."""
    try:
        redis_client().srem(KEY, schema)
    except redis.RedisError as error:
        log.warning("turns_unavailable", error=type(error).__name__)
