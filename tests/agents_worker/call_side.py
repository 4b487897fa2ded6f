"""One call of an in-room test: models, a web side, a caller, and the agents dispatched to it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.agents_worker.room_side import Caller, LiveKit
from tests.agents_worker.web_side import WebSide, agent_config
from tests.standins.openai import OpenAIStandin

ATLAS_TRACK = "roomio_audio"


@dataclass
class Call:
    livekit: LiveKit
    models: OpenAIStandin
    web: WebSide
    caller: Caller
    room: str

    async def dispatch(self, agent: str, **changes: Any) -> None:
        await self.livekit.dispatch(self.room, agent, self.web.base_url, **changes)

    async def greeted(self) -> None:
        """Until the greeting was heard to its end."""
        await self.spoken(0.4)
        await self.web.until(lambda: bool(self.web.said("agent")))

    async def spoken(self, seconds: float, timeout: float = 45.0) -> None:
        """Until so much of Atlas was heard."""
        await self.caller.until(lambda: self.caller.heard(name=ATLAS_TRACK) >= seconds, timeout)

    async def ask(self, question: bytes) -> None:
        """Say something, until Atlas begins to answer."""
        before = self.caller.heard(name=ATLAS_TRACK)
        await self.caller.say(question)
        await self.spoken(before + 0.1)

    async def billed(self) -> dict[str, Any]:
        await self.web.until(lambda: bool(self.web.bills) and self.ended() is not None)
        return self.web.bills[0]

    def ended(self) -> str | None:
        """What the closing event of Atlas said."""
        told = [event for event in self.web.events if event["source"].startswith("atlas")]
        closed = [event for event in told if event.get("state") == "closed"]
        return closed[-1]["detail"] if closed else None


@asynccontextmanager
async def calling(
    livekit: LiveKit, *, kind: str = "standard", models: OpenAIStandin | None = None, **config: Any
) -> AsyncIterator[Call]:
    """A caller in a room of their own; `config` changes the agent's configuration."""
    room = f"call_acme_{secrets.token_hex(4)}"
    caller = Caller(livekit, room, kind=kind)
    async with models or OpenAIStandin() as standin, WebSide() as web:
        web.config = agent_config(standin.base_url, **config)
        await caller.join()
        try:
            yield Call(livekit, standin, web, caller, room)
        finally:
            await caller.leave()
        assert not standin.problems, "; ".join(standin.problems)
