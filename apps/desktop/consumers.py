"""Live events of the Agent Desktop."""

import time
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django_tenants.utils import tenant_context

from apps.core.hub import hub
from apps.core.shared import shared
from apps.desktop.channels import channel_for
from apps.desktop.errors import DeskError
from apps.desktop.events import TOPIC, conversation_topic, user_topic
from apps.desktop.selectors import conversation_get, event_last_id, events_after
from apps.desktop.selectors.people import DESK_ROLES
from apps.desktop.services.team import colleague_seen
from apps.tenants.consumers import TenantConsumer

SEEN_SECONDS = 60.0
SHOWN_SECONDS = 15.0  # a channel shows typing for longer than this


class DeskConsumer(TenantConsumer):
    """Topics: `desk` (lists), `desk:<conversation id>`, and `desk:user:<one's own id>`.

    Beside `subscribe` a client sends `{"register": {"last_event_id": n}}`, answered by `{"registered": m, "missed": bool}`,
    and `{"typing": conversation id}`, which the others who have it open hear as a hint of type `typing`.
    """

    shown_at = -SHOWN_SECONDS  # when the contact was last told that this person types
    seen_at = -SEEN_SECONDS  # when it was last written down that this person is here

    async def connect(self) -> None:
        await super().connect()
        membership = getattr(self, "membership", None)
        if membership is not None and membership.role not in DESK_ROLES:
            await self.close(4403)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if not isinstance(content, dict):
            return
        if "subscribe" in content:
            await super().receive_json(content)
        if isinstance(content.get("register"), dict):
            await self._register(content["register"].get("last_event_id"))
        if isinstance(content.get("typing"), str):
            await self._typing(content["typing"])

    def may_hear(self, topic: str) -> bool:
        if self.membership.role not in DESK_ROLES:
            return False
        return topic in (TOPIC, user_topic(self.membership.user_id)) or _is_conversation(topic)

    async def _register(self, last_event_id: Any) -> None:
        """Answers first: when all ask at once, nobody waits for what is only written down about the others."""
        known = last_event_id if isinstance(last_event_id, int) else 0
        key = ("desk", self.membership.tenant.schema_name, known)
        await self.send_json(await shared().ask(key, partial(self._since, known)))
        if time.monotonic() - self.seen_at >= SEEN_SECONDS:
            self.seen_at = time.monotonic()
            await self._seen()

    @database_sync_to_async
    def _since(self, known: int) -> dict[str, Any]:
        with tenant_context(self.membership.tenant):
            return {"registered": event_last_id(), "missed": bool(events_after(known, limit=1))}

    @database_sync_to_async
    def _seen(self) -> None:
        with tenant_context(self.membership.tenant):
            colleague_seen(user_id=self.membership.user_id)

    async def _typing(self, conversation_id: str) -> None:
        """Only of a conversation that this socket listens to."""
        topic = conversation_topic(conversation_id)
        if topic not in self.topics:
            return
        hint = {"type": "typing", "id": conversation_id, "version": 0, "name": str(self.scope["user"])}
        await hub().publish(self.membership.tenant.schema_name, topic, hint, sender=self.name)
        if time.monotonic() - self.shown_at >= SHOWN_SECONDS:
            self.shown_at = time.monotonic()
            await self._show_contact(conversation_id)

    @database_sync_to_async
    def _show_contact(self, conversation_id: str) -> None:
        """The contact sees that somebody types, where it is the one who holds the conversation."""
        with tenant_context(self.membership.tenant), suppress(DeskError):
            conversation = conversation_get(conversation_id)
            if conversation.assignee_id == self.membership.user_id:
                channel_for(conversation.channel).typing(conversation)


def _is_conversation(topic: str) -> bool:
    name, _, conversation_id = topic.partition(":")
    try:
        return name == TOPIC and str(UUID(conversation_id)) == conversation_id
    except ValueError:
        return False
