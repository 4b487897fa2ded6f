"""Whether every agent is in a call. No part counts the workers' places, so it is learned from a caller whom nobody took."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context
from redis.exceptions import RedisError

from apps.calls.models import LIVE_SQL
from apps.core.schema import schema_parts
from apps.tenants.selectors import tenants_kept

log = structlog.get_logger(__name__)

KEY = "calls.busy_with"
HOLD = timedelta(seconds=20)  # then the next caller finds out anew: a worker may have been added
HEARD = timedelta(seconds=10)  # of an Atlas, which tells every second that it lives


@schema_context("public")
def busy_noted() -> bool:
    """Nobody took a call: notes with how many calls all agents are busy. False when none is in a call, so that none is up."""
    calls = calls_at_work()
    if not calls:
        return False
    try:
        cache.set(KEY, calls, HOLD.total_seconds())
    except RedisError as error:
        log.warning("busy_not_noted", error=type(error).__name__)
    return True


@schema_context("public")
def all_busy() -> bool:
    """Whether the last caller found nobody free, and no call has ended since. False where it cannot be known."""
    try:
        calls = cache.get(KEY)
    except RedisError:
        return False
    return calls is not None and calls_at_work() >= calls


@schema_context("public")
def calls_at_work() -> int:
    """Calls of all tenants in which an agent is at work: its Atlas was heard of just now."""
    schemas, since = [tenant.schema_name for tenant in tenants_kept()], timezone.now() - HEARD
    return sum(_at_work(part, since) for part in schema_parts(schemas))


def _at_work(schemas: Sequence[str], since: datetime) -> int:
    tables = [f"{connection.ops.quote_name(schema)}.calls_call" for schema in schemas]
    counts = [f"(SELECT count(*) FROM {table} WHERE {LIVE_SQL} AND agent_seen_at > %s)" for table in tables]  # noqa: S608 our own names
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' + '.join(counts)}", [since] * len(schemas))
        return int(cursor.fetchone()[0])
