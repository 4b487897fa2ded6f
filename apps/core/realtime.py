"""Hints to browsers: `type, id, version`. The page refetches, so permissions are checked where it renders."""

from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


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
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(group, message)
    except (RedisError, OSError) as error:
        log.warning("hint_lost", group=group, error=type(error).__name__)
