"""The outbox: what is to be done outside is decided in a transaction and done after it, once per key."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context
from kombu.exceptions import OperationalError
from psycopg.types.json import Json

from apps.core.errors import PermanentError
from apps.core.ids import uuid7
from apps.core.mail import claim, work
from apps.core.models import OutboundEffect
from apps.core.schema import schema_current

Sender = Callable[[OutboundEffect], str]
_senders: dict[str, Sender] = {}
_here: ContextVar[list[str] | None] = ContextVar("effects_here", default=None)
BATCH = 25
INSERT = (
    "INSERT INTO core_outboundeffect (id, kind, schema_name, payload, state, attempts, available_at, note, created_at, key,"
    " external_id) VALUES (%s, %s, %s, %s, 'pending', 0, %s, '', %s, %s, '') ON CONFLICT DO NOTHING"
)


def sender(kind: str) -> Callable[[Sender], Sender]:
    """Decorates the function that carries out a kind of effect and returns the provider's id for it."""

    def register(function: Sender) -> Sender:
        _senders[kind] = function
        return function

    return register


def effect_enqueue(*, kind: str, key: str, payload: dict[str, Any], schema_name: str | None = None) -> None:
    """Writes an effect in the caller's transaction; the same key again changes nothing."""
    schema = schema_current() if schema_name is None else schema_name
    pk, now = uuid7(), timezone.now()
    row: list[Any] = [pk, kind, schema, Json(payload), now, now, key]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, row)
    transaction.on_commit(lambda: _wake(str(pk)))


@contextmanager
def effects_here() -> Iterator[None]:
    """What commits inside is sent by this thread at the end, which spares a task the way through the queue and back.

    Where the block or this process fails, the sweeper sends it.
    """
    pks: list[str] = []
    mark = _here.set(pks)
    try:
        yield
    finally:
        _here.reset(mark)
    for pk in pks:
        outbox_send(pk)


def effects_are_here() -> bool:
    """Whether this thread sends the effects of what commits now."""
    return _here.get() is not None


def _wake(pk: str) -> None:
    from apps.core.tasks import outbox_send_task

    here = _here.get()
    if here is not None:
        here.append(pk)
        return
    try:
        outbox_send_task.apply_async((pk,), queue="calls", retry=False)
    except OperationalError:
        return  # the sweeper sends it seconds later


def outbox_send(pk: str | None = None) -> bool:
    """Sends one due effect; false when there was none."""
    effect = claim(OutboundEffect, pk)
    if effect is None:
        return False
    with schema_context(effect.schema_name or "public"):
        work(effect, lambda: _send(effect))
    return True


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
