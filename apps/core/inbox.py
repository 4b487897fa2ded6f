"""The inbox: a verified webhook is stored and committed first, and worked on afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context
from psycopg.types.json import Json
from redis.exceptions import RedisError

from apps.core.errors import Ignored
from apps.core.hints import hints_thread
from apps.core.ids import uuid7
from apps.core.mail import claim_some, work
from apps.core.models import InboundEvent
from apps.core.schema import schema_current, schema_enter, schema_leave

log = structlog.get_logger(__name__)
Handler = Callable[[InboundEvent], None]
BATCH = 25
AT_ONCE = 4  # claimed in one statement: few enough that other threads get their share of a burst
ROW = "(%s, %s, %s, %s, '', %s, 'pending', 0, %s, '', %s)"
INSERT = (
    "INSERT INTO core_inboundevent (id, provider, external_id, kind, schema_name, payload, state, attempts, available_at, note,"
    " created_at) VALUES {} ON CONFLICT (provider, external_id) DO NOTHING"
)


@dataclass(frozen=True)
class Item:
    """One event as the provider sent it. `external_id` makes it unique per provider; `text` is the payload's JSON, if at hand."""

    external_id: str
    kind: str
    payload: dict[str, Any]
    text: str | None = None


@dataclass(frozen=True)
class Provider:
    """How a provider's events find their tenant (a schema name, or None), and who hears the ones that find none."""

    tenant_of: Callable[[InboundEvent], str | None]
    unrouted: Handler


_providers: dict[str, Provider] = {}
_handlers: dict[tuple[str, str], Handler] = {}
_whole: set[tuple[str, str]] = set()


def provider_register(name: str, *, tenant_of: Callable[[InboundEvent], str | None], unrouted: Handler) -> None:
    """Called once from ready() of the app that owns the provider."""
    _providers[name] = Provider(tenant_of, unrouted)


def handler(provider: str, kind: str, *, whole: bool = False) -> Callable[[Handler], Handler]:
    """Decorates the one function that handles a kind of event; it runs inside the tenant's schema.

    `whole`: it does nothing outside the database, and commits together with the event's end, or not at all.
    """

    def register(function: Handler) -> Handler:
        _handlers[provider, kind] = function
        if whole:
            _whole.add((provider, kind))
        return function

    return register


def inbox_store(provider: str, items: list[Item]) -> None:
    """Stores events in one statement, skips those already stored, and wakes a worker up after the commit.

    Outside a transaction that statement commits itself. A connection that went stale is opened anew, once.
    """
    if not items:
        return
    try:
        _insert(provider, items)
    except OperationalError:
        if connection.in_atomic_block:
            raise
        connection.close()
        _insert(provider, items)
    transaction.on_commit(_wake_soon)


def _insert(provider: str, items: list[Item]) -> None:
    now = timezone.now()
    rows: list[tuple[Any, ...]] = [(uuid7(), provider, i.external_id, i.kind, i.text or Json(i.payload), now, now) for i in items]
    connection.health_check_done = True  # type: ignore[attr-defined]  # the retry above does what a ping before every webhook would
    with connection.cursor() as cursor:
        cursor.execute(INSERT.format(", ".join([ROW] * len(rows))), [value for row in rows for value in row])


def inbox_wake() -> None:
    """Has a worker's resident look at the inbox. Redis may be away: the sweeper then does it seconds later."""
    from apps.core.residents import resident_wake

    try:
        resident_wake()
    except RedisError as error:
        log.warning("hint_unavailable", error=type(error).__name__)


def _wake_soon() -> None:
    from apps.core.tasks import inbox_drain_task

    if settings.HINTS_BESIDE:
        hints_thread().ask(inbox_wake)
    else:
        inbox_drain_task.delay()


def inbox_drain() -> int:
    """Works through due events, a batch at most, and returns how many. Others may drain beside it."""
    with schema_context(schema_current()):
        return inbox_drain_on(at_once=1)


def inbox_drain_on(*, at_once: int = AT_ONCE) -> int:
    """As inbox_drain, for threads that do nothing else: the connection stays in the last event's tenant, often the next one's."""
    count = 0
    while count < BATCH:
        events, more = claim_some(InboundEvent, at_once)
        if not events and at_once > 1:
            events, more = claim_some(InboundEvent, 1)
        if more:
            inbox_wake()
        for event in events:
            work(event, partial(_handle, event), whole=(event.provider, event.kind) in _whole)
        count += len(events)
        if not more:
            return count  # what came since has a hint of its own
    inbox_wake()
    return count


def _handle(event: InboundEvent) -> None:
    provider = _providers[event.provider]
    schema = provider.tenant_of(event)
    if schema is None:
        schema_leave()
        return provider.unrouted(event)
    event.schema_name = schema
    function = _handlers.get((event.provider, event.kind))
    if function is None:
        raise Ignored(f"Nothing here listens to {event.kind}.")
    schema_enter(schema)
    return function(event)
