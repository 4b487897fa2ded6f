"""The outbox: what is to be done outside is decided in a transaction and done after it, once per key."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context
from kombu.exceptions import OperationalError

from apps.core.errors import PermanentError
from apps.core.mail import LEASE, claim, work
from apps.core.models import MailState, OutboundEffect
from apps.core.rows import row_insert
from apps.core.schema import schema_current

Sender = Callable[[OutboundEffect], str]
_senders: dict[str, Sender] = {}
_here: ContextVar["_Hand | None"] = ContextVar("effects_here", default=None)
BATCH = 25
LEAVE = (
    "UPDATE core_outboundeffect SET state = 'pending', attempts = 0, available_at = now()"
    " WHERE id = ANY(%s) AND state = 'processing' AND attempts = 1"
)


@dataclass
class _Hand:
    """What a thread sends by itself."""

    kinds: Collection[str] | None
    effects: list[OutboundEffect] = field(default_factory=list)

    def takes(self, kind: str) -> bool:
        return self.kinds is None or kind in self.kinds


def sender(kind: str) -> Callable[[Sender], Sender]:
    """Decorates the function that carries out a kind of effect and returns the provider's id for it."""

    def register(function: Sender) -> Sender:
        _senders[kind] = function
        return function

    return register


def effect_enqueue(*, kind: str, key: str, payload: dict[str, Any], schema_name: str | None = None) -> None:
    """Writes an effect in the caller's transaction; the same key again changes nothing."""
    schema, now = schema_current() if schema_name is None else schema_name, timezone.now()
    effect = OutboundEffect(kind=kind, schema_name=schema, payload=payload, key=key, available_at=now, created_at=now)
    hand = _here.get()
    taken = hand is not None and hand.takes(kind)
    if taken:  # written as claimed, by the thread that is about to send it
        effect.state, effect.attempts, effect.available_at = MailState.PROCESSING, 1, now + LEASE
    if row_insert(effect):
        transaction.on_commit(lambda: hand.effects.append(effect) if hand and taken else _wake(effect))


@contextmanager
def effects_here(*kinds: str) -> Iterator[None]:
    """What commits inside is sent by this thread at the end, which spares a task the way through the queue and back.

    `kinds`: only these; a company's own webhooks, for one, may take longer than the thread has. Without any, all.
    Where the block fails, the sweeper sends it soon; where this process ends, once the lease of its claim is over.
    """
    hand = _Hand(kinds or None)
    mark = _here.set(hand)
    try:
        yield
    except BaseException:
        _leave(hand.effects)
        raise
    finally:
        _here.reset(mark)
    for effect in hand.effects:
        _work(effect)


def _leave(effects: list[OutboundEffect]) -> None:
    if effects:
        with connection.cursor() as cursor:
            cursor.execute(LEAVE, [[effect.pk for effect in effects]])


def effects_are_here() -> bool:
    """Whether this thread sends the effects of what commits now."""
    return _here.get() is not None


def _wake(effect: OutboundEffect) -> None:
    from apps.core.tasks import outbox_send_task

    try:
        outbox_send_task.apply_async((str(effect.pk),), queue="calls", retry=False)
    except OperationalError:
        return  # the sweeper sends it seconds later


def outbox_send(pk: str | None = None) -> bool:
    """Sends one due effect; false when there was none."""
    effect = claim(OutboundEffect, pk)
    if effect is None:
        return False
    _work(effect)
    return True


def _work(effect: OutboundEffect) -> None:
    with schema_context(effect.schema_name or "public"):
        work(effect, lambda: _send(effect))


def outbox_drain() -> int:
    """Sends what is due, a batch at most, and returns how many."""
    for count in range(BATCH):
        if not outbox_send():
            return count
    return BATCH


def _send(effect: OutboundEffect) -> None:
    function = _senders.get(effect.kind)
    if function is None:
        raise PermanentError(f"No part of this installation can do {effect.kind}.")
    effect.external_id = function(effect) or ""
