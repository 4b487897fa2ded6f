"""From Redis to the sockets of this process: one subscription a tenant, however many sockets listen to however many topics.

A hint arrives as the very text that browsers get. The hub looks its topic up and hands the text to each socket, so a hint
costs one Redis message a process and one write a socket. Delivery is at most once: when the subscription was interrupted,
listeners are told, and their clients ask the database what they missed.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from apps.core.realtime import SEND_SECONDS, hint_channel, hint_text

log = structlog.get_logger(__name__)
RETRY_SECONDS = 0.25
QUIET_SECONDS = 10.0  # without a message for so long, Redis is asked whether it is still there


class Listener(Protocol):
    """A socket, as the hub sees it. Neither call may wait."""

    name: str

    def hear(self, text: str) -> None:
        """A hint, ready to be sent."""

    def missed(self) -> None:
        """Hints may have been lost until now."""


class Hub:
    """The listeners of one event loop. Its Redis connection lives while anybody listens."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[str, set[Listener]]] = {}  # of each tenant's schema
        self._held: dict[str, asyncio.Event] = {}  # set while Redis holds the tenant's subscription
        self._behind: set[str] = set()  # tenants whose listeners are to be told once it does
        self._reader: asyncio.Task[None] | None = None
        self._pubsub: PubSub | None = None
        self._torn = False  # somebody could not subscribe on it
        self._redis = Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=SEND_SECONDS,
            socket_connect_timeout=SEND_SECONDS,
            retry=Retry(NoBackoff(), 0),  # a connection that comes back by itself would hide that hints were lost
        )
        self._database = self._redis.connection_pool.connection_kwargs.get("db", 0)

    async def join(self, schema: str, topics: Iterable[str], listener: Listener) -> None:
        """Returns once every later hint is heard; while Redis is away at once, and `missed` follows when it is back."""
        fresh = schema not in self._topics
        heard = self._topics.setdefault(schema, {})
        held = self._held.setdefault(schema, asyncio.Event())
        for topic in topics:
            heard.setdefault(topic, set()).add(listener)
        if fresh:
            await self._subscribe(schema)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await held.wait()
        except TimeoutError:
            self._behind.add(schema)

    async def leave(self, schema: str, topics: Iterable[str], listener: Listener) -> None:
        """Leaves topics that were joined; the last one to leave ends the subscription."""
        heard = self._topics.get(schema, {})
        for topic in topics:
            heard.get(topic, set()).discard(listener)
            if not heard.get(topic):
                heard.pop(topic, None)
        if schema in self._topics and not heard:
            del self._topics[schema], self._held[schema]
            self._behind.discard(schema)
            await self._unsubscribe(schema)

    async def publish(self, schema: str, topic: str, hint: dict[str, Any], sender: str) -> None:
        """Sends a hint now, to all processes. Losing one costs nothing: no data may depend on it."""
        with contextlib.suppress(RedisError, OSError):
            await self._redis.publish(self._channel(schema), hint_text(topic, hint, sender))

    def _channel(self, schema: str) -> str:
        return hint_channel(schema, self._database)

    async def _subscribe(self, schema: str) -> None:
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        elif self._pubsub is not None:
            try:
                await self._pubsub.subscribe(self._channel(schema))
            except (RedisError, OSError):
                self._torn = True  # the reader subscribes to all anew
            except Exception:  # redis-py has no error of its own for a connection that another task closes meanwhile
                log.exception("hints_interrupted")
                self._torn = True

    async def _unsubscribe(self, schema: str) -> None:
        if not self._topics and self._reader is not None:
            reader, self._reader = self._reader, None
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
            await self._redis.aclose()
        elif self._pubsub is not None:
            with contextlib.suppress(Exception):  # what comes for a tenant without listeners goes nowhere
                await self._pubsub.unsubscribe(self._channel(schema))

    async def _read(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await self._open(pubsub)
                    await self._listen(pubsub)
            except (RedisError, OSError) as error:  # TimeoutError is an OSError
                log.warning("hints_interrupted", error=type(error).__name__)
            except Exception:  # the base of the subscription: were it to end, every socket here would be deaf and not know it
                log.exception("hints_interrupted")
            finally:
                self._pubsub = None
            self._behind.update(self._topics)
            for held in self._held.values():
                held.clear()
            await asyncio.sleep(RETRY_SECONDS)

    async def _open(self, pubsub: PubSub) -> None:
        wanted, self._torn = set(self._topics), False
        await pubsub.subscribe(*map(self._channel, wanted))
        self._pubsub = pubsub
        late = set(self._topics) - wanted  # they joined while the connection was being made
        if late:
            await pubsub.subscribe(*map(self._channel, late))

    async def _listen(self, pubsub: PubSub) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=QUIET_SECONDS)
            if self._torn:
                raise ConnectionError
            if message is not None:
                asked = False
                self._took(message)
            elif asked:
                raise TimeoutError
            else:
                asked = True
                await pubsub.ping()

    def _took(self, message: dict[str, Any]) -> None:
        if message["type"] not in ("message", "subscribe"):
            return
        schema = message["channel"].decode().rsplit(":", 1)[1]
        if schema not in self._topics:
            return
        if message["type"] == "subscribe":
            self._holds(schema)
        else:
            topic, sender, text = message["data"].decode().split("\n", 2)
            for listener in self._topics[schema].get(topic, ()):
                if listener.name != sender:
                    listener.hear(text)

    def _holds(self, schema: str) -> None:
        self._held[schema].set()
        if schema in self._behind:
            self._behind.discard(schema)
            for listener in set[Listener]().union(*self._topics[schema].values()):
                listener.missed()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop; the realtime process has one."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
