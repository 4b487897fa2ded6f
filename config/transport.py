"""Celery's way to Redis for half its price: kombu makes a client for each statement and writes down each task it hands out."""

from typing import Any

from kombu.transport import redis, virtual

AT_START = frozenset({"turns"})  # queues whose tasks are acknowledged as they start, so there is nothing to give back later


class QoS(redis.QoS):
    _delivered: Any
    """Tasks that may come back are written down in Redis until they are acknowledged; those of AT_START only in memory."""

    def append(self, message: Any, delivery_tag: str) -> None:
        if _at_start(message):
            virtual.QoS.append(self, message, delivery_tag)
        else:
            super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        if self._is_cut() or _at_start(self._delivered.get(delivery_tag)):
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if self._is_cut():
            virtual.QoS.ack(self, delivery_tag)
        elif _at_start(self._delivered.get(delivery_tag)):
            virtual.QoS.reject(self, delivery_tag, requeue)
        else:
            super().reject(delivery_tag, requeue)

    def _is_cut(self) -> bool:
        """Whether Redis was lost since the task came. Nothing can be told on a connection that was closed (kombu 5.7 raises an
        AttributeError, which ended the worker); what is written down comes back by itself and is done a second time."""
        connection = self.channel.connection
        return connection is None or connection.client is None

    def restore_unacked(self, client: Any = None) -> None:
        """A worker that stops gives back what it had not begun."""
        for tag, message in list(self._delivered.items()):
            if _at_start(message):
                self.channel._restore(message)
                del self._delivered[tag]
        super().restore_unacked(client)


def _at_start(message: Any) -> bool:
    return message is not None and message.delivery_info["routing_key"] in AT_START


class Channel(redis.Channel):
    QoS = QoS
    _kept: Any = None

    def _restore(self, message: Any, leftmost: bool = False) -> None:
        """From memory what was never written down."""
        if _at_start(message):
            virtual.Channel._restore(self, message)
        else:
            super()._restore(message, leftmost)  # type: ignore[call-arg]  # kombu-stubs lag behind

    def _create_client(self, asynchronous: bool = False) -> Any:
        """One client for each pool; it holds no connection of its own."""
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()  # type: ignore[misc]
        return self._kept


class Transport(redis.Transport):
    Channel = Channel
