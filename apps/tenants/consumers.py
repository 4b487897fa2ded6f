"""The base of every websocket: same tenant as its page, a member of it, hints only."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django_tenants.utils import schema_context

from apps.core.realtime import group_name
from apps.tenants.models import Membership, User
from apps.tenants.selectors import membership_of, tenant_of_host

MAX_TOPICS = 200


class TenantConsumer(AsyncJsonWebsocketConsumer):
    """Accepts members whose Origin is this very tenant's host, and forwards hints of the topics they ask for.

    Close codes: 4401 not logged in, 4403 not of this tenant.
    """

    membership: Membership

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
        self.membership = membership
        self.topics: set[str] = set()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """`{"subscribe": [topic, …]}` adds topics; the answer lists all that are heard now."""
        wanted = content.get("subscribe", []) if isinstance(content, dict) else []
        await self._subscribe(topic for topic in wanted if isinstance(topic, str) and self.may_hear(topic))
        await self.send_json({"subscribed": sorted(self.topics)})

    async def disconnect(self, code: int) -> None:
        for topic in getattr(self, "topics", ()):
            await self.channel_layer.group_discard(self._group(topic), self.channel_name)

    async def hint(self, event: dict[str, Any]) -> None:
        await self.send_json(event["hint"])

    def may_hear(self, topic: str) -> bool:
        """Which topics this socket offers; every consumer says its own."""
        return False

    async def _subscribe(self, topics: Iterable[str]) -> None:
        for topic in topics:
            if topic not in self.topics and len(self.topics) < MAX_TOPICS:
                await self.channel_layer.group_add(self._group(topic), self.channel_name)
                self.topics.add(topic)

    def _group(self, topic: str) -> str:
        return group_name(self.membership.tenant.schema_name, topic)

    def _host(self) -> str:
        return self._header(b"host").rsplit(":", 1)[0]

    def _origin(self) -> str:
        return urlsplit(self._header(b"origin")).hostname or ""

    def _header(self, name: bytes) -> str:
        return dict(self.scope["headers"]).get(name, b"").decode("latin-1")

    @database_sync_to_async
    def _membership(self, user: User, host: str) -> Membership | None:
        with schema_context("public"):
            tenant = tenant_of_host(host)
            return membership_of(user, tenant) if tenant else None
