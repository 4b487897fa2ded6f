"""The inbox: a verified webhook is stored and committed first, and worked on afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_tenants.utils import schema_context
from kombu.exceptions import OperationalError

from apps.core.errors import Ignored
from apps.core.hints import hint_clear, hint_take
from apps.core.mail import claim, work
from apps.core.models import InboundEvent

Handler = Callable[[InboundEvent], None]
BATCH = 25


@dataclass(frozen=True)
class Item:
    """One event as the provider sent it. `external_id` makes it unique per provider."""

    external_id: str
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Provider:
    """How a provider's events find their tenant (a schema name, or None), and who hears the ones that find none."""

    tenant_of: Callable[[InboundEvent], str | None]
    unrouted: Handler


_providers: dict[str, Provider] = {}
_handlers: dict[tuple[str, str], Handler] = {}


def provider_register(name: str, *, tenant_of: Callable[[InboundEvent], str | None], unrouted: Handler) -> None:
    """Called once from ready() of the app that owns the provider."""
    _providers[name] = Provider(tenant_of, unrouted)


def handler(provider: str, kind: str) -> Callable[[Handler], Handler]:
    """Decorates the one function that handles a kind of event; it runs inside the tenant's schema."""

    def register(function: Handler) -> Handler:
        _handlers[provider, kind] = function
        return function

    return register


def inbox_store(provider: str, items: list[Item]) -> None:
    """Stores events, skips those already stored, and wakes a worker up after the commit."""
    rows = [InboundEvent(provider=provider, external_id=i.external_id, kind=i.kind, payload=i.payload) for i in items]
    InboundEvent.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(inbox_wake)


def inbox_wake() -> None:
    """Queues a drain unless one is on its way. Redis may be away: the sweeper then does it seconds later."""
    from apps.core.tasks import inbox_drain_task

    if hint_take("inbox"):
        try:
            inbox_drain_task.apply_async(queue="calls", retry=False)
        except OperationalError:
            hint_clear("inbox")


def inbox_drain() -> int:
    """Works through due events, a batch at most, and returns how many. Others may drain beside it."""
    hint_clear("inbox")
    for count in range(BATCH):
        event = claim(InboundEvent)
        if event is None:
            return count
        if InboundEvent.objects.filter(state="pending", available_at__lte=timezone.now()).exists():
            inbox_wake()
        work(event, lambda event=event: _handle(event))  # type: ignore[misc]
    inbox_wake()
    return BATCH


def _handle(event: InboundEvent) -> None:
    provider = _providers[event.provider]
    schema = provider.tenant_of(event)
    if schema is None:
        return provider.unrouted(event)
    event.schema_name = schema
    function = _handlers.get((event.provider, event.kind))
    if function is None:
        raise Ignored(f"Nothing here listens to {event.kind}.")
    with schema_context(schema):
        return function(event)
