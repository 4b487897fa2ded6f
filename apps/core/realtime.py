"""Hints to browsers: `type, id, version`. The page refetches, so permissions are checked where it renders.

A hint travels as the text that browsers get, so that nobody on its way decodes it: `topic\\nsender\\nJSON`, on one Redis
channel a tenant. `apps.core.hub` brings it to the sockets.
"""

import json
import threading
from functools import cache
from queue import SimpleQueue
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)
SEND_SECONDS = 2.0


def hint_channel(schema: str, database: int | str) -> str:
    """The Redis channel of a tenant's hints. Pub/sub knows no databases, so the name carries the number."""
    return f"meridian:{database}:hints:{schema}"


def hint_text(topic: str, hint: dict[str, Any], sender: str = "") -> str:
    """A hint as it travels; whoever is called like the sender does not hear it."""
    return f"{topic}\n{sender}\n{json.dumps({**hint, 'topic': topic}, separators=(',', ':'))}"


def hint_publish(schema: str, topic: str, type: str, id: str, version: int | str) -> None:
    """Sends a hint once the current transaction has committed. Losing one costs a reload, never data."""
    text = hint_text(topic, {"type": type, "id": id, "version": version})
    transaction.on_commit(lambda: _send(schema, text))


def _send(schema: str, text: str) -> None:
    if settings.HINTS_BESIDE:
        _publisher().waiting.put((schema, text))
    else:
        _publish([(schema, text)])


def _publish(hints: list[tuple[str, str]]) -> None:
    """Over a kept connection; when that has gone stale, once more over another."""
    client = _client()
    database = client.connection_pool.connection_kwargs.get("db", 0)
    try:
        with client.pipeline(transaction=False) as pipe:
            for schema, text in hints:
                pipe.publish(hint_channel(schema, database), text)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("hints_lost", count=len(hints), error=type(error).__name__)


@cache
def _client() -> "redis.Redis":
    once_more = Retry(NoBackoff(), 1)  # what is dead and was not seen to be would cost the hint
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=SEND_SECONDS, socket_connect_timeout=SEND_SECONDS, retry=once_more
    )


class Publisher:
    """Sends hints beside the requests and tasks that ask for them; those that wait together travel together."""

    def __init__(self) -> None:
        self.waiting: SimpleQueue[tuple[str, str]] = SimpleQueue()
        threading.Thread(target=self._run, name="realtime-hints", daemon=True).start()

    def _run(self) -> None:
        while True:
            hints = [self.waiting.get()]
            while not self.waiting.empty():
                hints.append(self.waiting.get())
            try:
                _publish(hints)
            except Exception:  # the base of this thread: without it, nobody would hear of this process again
                log.exception("hints_lost", count=len(hints))


@cache
def _publisher() -> Publisher:
    """The one of this process, started at its first hint (a fork would lose one started earlier)."""
    return Publisher()
