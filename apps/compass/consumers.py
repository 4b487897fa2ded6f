"""Live events of the agent editor: what was saved, and who else is there."""

from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django_tenants.utils import tenant_context

from apps.compass.selectors.versions import base_current
from apps.core.hub import hub
from apps.tenants.access import ADMINS, MANAGERS
from apps.tenants.consumers import TenantConsumer


class AgentsConsumer(TenantConsumer):
    """Topics: `agent:<id>`. Hints: `agent` when a version was saved (its `version` is the new base).

    `{"editing": agent id}` from whoever may change it is heard by the others who have it open as a hint `editing` with the
    name; a newcomer is answered with `"answer": true`, so that both sides know of each other. `left` follows at the end.
    Who says what they started from (`"base"`) is told at once where that is no longer the newest: hints may have been missed.
    """

    async def connect(self) -> None:
        await super().connect()
        membership = getattr(self, "membership", None)
        if membership is not None and membership.role not in MANAGERS:
            await self.close(4403)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if not isinstance(content, dict):
            return
        if "subscribe" in content:
            await super().receive_json(content)
        if isinstance(content.get("editing"), str) and self.membership.role in ADMINS:
            await self._tell(content["editing"], "editing", answer=content.get("answer") is True)
            await self._overtaken(content["editing"], content.get("base"))

    async def disconnect(self, code: int) -> None:
        for topic in list(self.topics):
            await self._tell(topic.partition(":")[2], "left")
        await super().disconnect(code)

    def may_hear(self, topic: str) -> bool:
        return self.membership.role in MANAGERS and _is_agent(topic)

    async def _tell(self, agent_id: str, type: str, **more: Any) -> None:
        """Only of an agent that this socket listens to."""
        topic = f"agent:{agent_id}"
        if topic in self.topics:
            user = self.scope["user"]
            names = {"name": str(user), "person": str(user.pk), "who": self.name}
            hint = {"type": type, "id": agent_id, "version": 0, **names, **more}
            await hub().publish(self.membership.tenant.schema_name, topic, hint, sender=self.name)

    async def _overtaken(self, agent_id: str, base: object) -> None:
        topic = f"agent:{agent_id}"
        if not isinstance(base, str) or topic not in self.topics:
            return
        newest = await self._newest(agent_id)
        if newest and newest != base:
            await self.send_json({"type": "agent", "id": agent_id, "version": newest, "topic": topic})

    @database_sync_to_async
    def _newest(self, agent_id: str) -> str:
        with tenant_context(self.membership.tenant):
            return base_current(UUID(agent_id))


def _is_agent(topic: str) -> bool:
    name, _, agent_id = topic.partition(":")
    try:
        return name == "agent" and str(UUID(agent_id)) == agent_id
    except ValueError:
        return False
