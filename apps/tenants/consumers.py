"""The base of every websocket: same tenant as its page, a member of it, hints only."""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from django_tenants.utils import schema_context

from apps.core.hub import hub
from apps.core.payloads import json_read
from apps.tenants.models import Membership, User
from apps.tenants.policy import session_foreign, session_too_weak
from apps.tenants.selectors import membership_of, tenant_of_host
from apps.tenants.services_people import person_topic

PING, PONG = "ping", "pong"
MAX_TOPICS = 200
NOT_UNDERSTOOD = 1003  # WebSocket's “unsupported data”
COME_AGAIN = 1012  # WebSocket's “service restart”: the page opens another socket, or is told that it may not
MAX_WAITING = 100  # hints; a client that is further behind than this fetches everything instead


class NothingConsumer(AsyncWebsocketConsumer):
    """An address that has no websocket: the handshake is answered by 403, and nothing goes wrong here."""

    async def connect(self) -> None:
        await self.close()


class TenantConsumer(AsyncJsonWebsocketConsumer):
    """Accepts members whose Origin is this very tenant's host, and forwards hints of the topics they ask for.

    Close codes: 4401 not logged in, 4403 not of this tenant, 1003 what was sent is no JSON, 1012 come again: their role
    changed, or they left. Hints come from the hub, as text that is sent as it is; no channel layer stands between, which would
    decode, queue and encode each hint for each socket.
    """

    channel_layer_alias = "none"
    membership: Membership
    _own = ""  # the topic that tells that this person's rights changed
    _over = False

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self.name = secrets.token_hex(8)
        self.topics: set[str] = set()
        self._waiting: deque[str] = deque()
        self._wake = asyncio.Event()
        forwarding = asyncio.create_task(self._forward())
        try:
            await super().__call__(scope, receive, send)
        finally:
            forwarding.cancel()
            if self.topics:
                await hub().leave(self.membership.tenant.schema_name, [*self.topics, self._own], self)

    async def connect(self) -> None:
        user = self.scope.get("user")
        await self.accept()
        if user is None or not user.is_authenticated:
            await self.close(4401)
            return
        membership = await self._membership(user, self._host())
        if membership is None or self._origin() != self._host():
            await self.close(4403)
            return
        self.membership, self._own = membership, person_topic(membership.user_id)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """`ping` is answered by `pong`: by that a page finds out that its connection is gone without a word."""
        if text_data == PING:
            await self.send(text_data=PONG)
        elif self._own:  # nobody else is listened to: they are being closed
            await self._read(text_data or "")

    async def _read(self, text: str) -> None:
        try:
            content = json_read(text)
        except ValueError:
            await self.close(NOT_UNDERSTOOD)
        else:
            await self.receive_json(content)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """`{"subscribe": [topic, …]}` adds topics; the answer lists all that are heard now.

        The same answer comes unasked when hints may have been lost: the client then asks for what it missed.
        """
        wanted = content.get("subscribe", []) if isinstance(content, dict) else []
        named = wanted if isinstance(wanted, list) else []
        await self._subscribe(topic for topic in named if isinstance(topic, str) and self.may_hear(topic))
        await self.send_json(self._subscribed())

    def hear(self, text: str) -> None:
        """A hint of a topic that was asked for."""
        if self._own and text.endswith(f'"topic":"{self._own}"}}'):
            self._over = True
            self._wake.set()
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append(text)
            self._wake.set()
        else:
            self.missed()

    def missed(self) -> None:
        """What waits is worth nothing any more: the client has to ask what happened."""
        self._waiting.clear()
        self._waiting.append(json.dumps(self._subscribed()))
        self._wake.set()

    def may_hear(self, topic: str) -> bool:
        """Which topics this socket offers; every consumer says its own."""
        return False

    async def _forward(self) -> None:
        """Waits for a slow client without holding up the others."""
        with suppress(OSError):  # the client has gone, which `disconnect` is told too
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._over:
                    return await self.close(COME_AGAIN)
                while self._waiting:
                    await self.base_send({"type": "websocket.send", "text": self._waiting.popleft()})

    async def _subscribe(self, topics: Iterable[str]) -> None:
        fresh = [topic for topic in dict.fromkeys(topics) if topic not in self.topics][: MAX_TOPICS - len(self.topics)]
        if fresh:
            self.topics.update(fresh)
            await hub().join(self.membership.tenant.schema_name, [*fresh, self._own], self)

    def _subscribed(self) -> dict[str, list[str]]:
        return {"subscribed": sorted(self.topics)}

    def _host(self) -> str:
        return self._header(b"host").rsplit(":", 1)[0]

    def _origin(self) -> str:
        try:
            return urlsplit(self._header(b"origin")).hostname or ""
        except ValueError:  # no address, so nobody's page
            return ""

    def _header(self, name: bytes) -> str:
        return dict(self.scope["headers"]).get(name, b"").decode("latin-1")

    @database_sync_to_async
    def _membership(self, user: User, host: str) -> Membership | None:
        with schema_context("public"):
            tenant, session = tenant_of_host(host), self.scope.get("session", {})
            if tenant is None or session_foreign(session, tenant):
                return None
            membership = membership_of(user, tenant)
            return None if membership is None or session_too_weak(session, membership) else membership
