"""Celery's queues on Redis: what may come back is written down, what is acknowledged at its start is not."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection

from config.celery import app
from config.transport import Transport


@pytest.fixture
def channel() -> Iterator[Any]:
    """A channel as workers and producers have it."""
    connection: Connection = app.connection_for_write()
    with connection:
        assert isinstance(connection.transport, Transport)
        channel = connection.default_channel
        yield channel
        for queue in ("turns", "plain"):
            channel.queue_purge(queue)
        channel.client.delete(channel.unacked_key, channel.unacked_index_key)


def deliver(channel: Any, queue: str) -> Any:
    """Puts a message into a queue and takes it out, as a worker does."""
    channel.exchange_declare("")
    channel.queue_declare(queue)
    properties = {"delivery_info": {"exchange": "", "routing_key": queue}, "delivery_tag": f"tag-{queue}"}
    message = {"body": "e30=", "properties": {**properties, "body_encoding": "base64"}, "headers": {}}
    channel._put(queue, message)
    raw = channel._get(queue)
    taken = channel.message_to_python(raw)
    channel.qos.append(taken, taken.delivery_tag)
    return taken


@pytest.mark.parametrize(("queue", "kept"), [("plain", 1), ("turns", 0)])
def test_only_what_may_come_back_is_written_down(channel: Any, queue: str, kept: int) -> None:
    taken = deliver(channel, queue)
    assert channel.client.hlen(channel.unacked_key) == kept
    channel.qos.ack(taken.delivery_tag)
    channel.qos._flush()
    assert channel.client.hlen(channel.unacked_key) == 0
    assert taken.delivery_tag not in channel.qos._delivered


@pytest.mark.parametrize("queue", ["plain", "turns"])
def test_what_a_stopping_worker_had_not_begun_goes_back(channel: Any, queue: str) -> None:
    deliver(channel, queue)
    assert channel._size(queue) == 0
    channel.qos.restore_unacked()
    assert channel._size(queue) == 1
    assert channel.client.hlen(channel.unacked_key) == 0


@pytest.mark.parametrize("queue", ["plain", "turns"])
def test_a_task_that_is_put_back_is_there_again(channel: Any, queue: str) -> None:
    taken = deliver(channel, queue)
    channel.qos.reject(taken.delivery_tag, requeue=True)
    assert channel._size(queue) == 1


def test_one_client_serves_every_statement(channel: Any) -> None:
    assert channel._create_client() is channel._create_client()


@pytest.mark.parametrize("queue", ["plain", "turns"])
@pytest.mark.parametrize("end", ["ack", "reject"])
@pytest.mark.parametrize("left", [None, SimpleNamespace(client=None)])
def test_a_task_that_ends_after_its_connection_was_lost_harms_nobody(channel: Any, queue: str, end: str, left: object) -> None:
    taken, connection = deliver(channel, queue), channel.connection
    kept = channel.client.hlen(channel.unacked_key)
    channel.connection = left  # as kombu leaves it when a worker connects anew
    try:
        getattr(taken, end)()
    finally:
        channel.connection = connection
    channel.qos._flush()
    assert taken.delivery_tag not in channel.qos._delivered
    assert channel.client.hlen(channel.unacked_key) == kept
