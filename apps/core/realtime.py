"""Hints to browsers: `type, id, version`. The page refetches, so permissions are checked where it renders."""

import asyncio
import threading
from functools import cache
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)
SEND_SECONDS = 2.0


def group_name(schema: str, topic: str) -> str:
    """The channel-layer group of a tenant's topic; the tenant is always part of it."""
    return f"{schema}.{topic.replace(':', '.')}"


def hint_publish(schema: str, topic: str, type: str, id: str, version: int | str) -> None:
    """Sends a hint once the current transaction has committed. Losing one costs a reload, never data."""
    message: dict[str, Any] = {
        "type": "hint",
        "topic": topic,
        "hint": {"type": type, "id": id, "version": version, "topic": topic},
    }
    transaction.on_commit(lambda: _send(group_name(schema, topic), message))


def _send(group: str, message: dict[str, Any]) -> None:
    """Beside the request or task, over one kept connection: a loop and a connection for each hint would hold it up."""
    if get_channel_layer() is None:
        return
    if settings.HINTS_BESIDE:
        asyncio.run_coroutine_threadsafe(_deliver(group, message), _loop())
    else:
        async_to_sync(_deliver)(group, message)


async def _deliver(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    for last in (False, True):  # the kept connection may have gone stale: the second try opens a new one
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await layer.group_send(group, message)
            return
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            if last:
                log.warning("hint_lost", group=group, error=type(error).__name__)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop of this process's hints, started at its first one (a fork would lose one started earlier)."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="realtime-hints", daemon=True).start()
    return loop
