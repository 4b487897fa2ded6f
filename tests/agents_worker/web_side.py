"""A small pretend web side for the worker: serves one agent, keeps events and bills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.standins.server import Standin

AGENT_ID = "01890000-0000-7000-8000-000000000001"
CALL_ID = "01890000-0000-7000-8000-0000000000ca"
TOKEN = "call-token"


class WebSide(Standin):
    """`config` is what GET /agents/{id} answers; `refuse` maps a path's end to a status."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        super().__init__(api_key=TOKEN)
        self.config: dict[str, Any] = config or {}
        self.events: list[dict[str, Any]] = []
        self.bills: list[dict[str, Any]] = []
        self.tool_calls: list[tuple[str, Any]] = []
        self.tool_answer: dict[str, Any] = {"ok": True, "result": {"free": ["10:00"]}}
        self.earlier: dict[str, Any] = {"call_id": CALL_ID, "items": [], "usage": []}
        self.failing: list[int] = []
        self.on_events: Callable[[list[dict[str, Any]]], int | None] | None = None
        self._keys: set[tuple[str, int]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/agents/{id}", self._agent),
            web.post("/agents/{id}/tools/{name}", self._tool),
            web.post("/calls/{id}/events", self._events),
            web.get("/calls/{id}/transcript", self._transcript),
            web.post("/billing/calls", self._bill),
        ]

    def of_type(self, kind: str, source: str = "atlas") -> list[dict[str, Any]]:
        """Events of one type and source, in the order of their seq."""
        found = [e for e in self.events if e["type"] == kind and e["source"] == source]
        return sorted(found, key=lambda event: event["seq"])

    def states(self, source: str = "atlas") -> list[str]:
        return [event["state"] for event in self.of_type("state", source)]

    def said(self, speaker: str, source: str = "atlas") -> list[str]:
        events = self.of_type("transcript", source)
        return [event["text"] for event in events if event["speaker"] == speaker]

    async def until(self, condition: Callable[[], bool], timeout: float = 45.0) -> None:
        await self.wait_for(condition, timeout)

    def _gate(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _problem(401, "bad_token", "The call token is not valid.")
        if self.failing:
            status = self.failing.pop(0)
            self.note(request)
            return _problem(status, "scripted", "A scripted failure.")
        return None

    async def _agent(self, request: web.Request) -> web.Response:
        if (refusal := self._gate(request)) is not None:
            return refusal
        self.note(request)
        if not self.config:
            return _problem(404, "unknown_agent", "There is no such agent.")
        return web.json_response(self.config)

    async def _tool(self, request: web.Request) -> web.Response:
        if (refusal := self._gate(request)) is not None:
            return refusal
        body = await request.json()
        self.tool_calls.append((request.match_info["name"], body))
        self.note(request, body)
        return web.json_response(self.tool_answer)

    async def _events(self, request: web.Request) -> web.Response:
        if (refusal := self._gate(request)) is not None:
            return refusal
        events = (await request.json())["events"]
        if self.on_events is not None and (status := self.on_events(events)) is not None:
            return _problem(status, "scripted", "A scripted failure.")
        new = [e for e in events if (e["source"], e["seq"]) not in self._keys]
        self._keys.update((e["source"], e["seq"]) for e in new)
        self.events.extend(new)
        self.note(request, events)
        return web.json_response({"accepted": len(new), "duplicates": len(events) - len(new)})

    async def _transcript(self, request: web.Request) -> web.Response:
        if (refusal := self._gate(request)) is not None:
            return refusal
        self.note(request)
        return web.json_response(self.earlier)

    async def _bill(self, request: web.Request) -> web.Response:
        if (refusal := self._gate(request)) is not None:
            return refusal
        body = await request.json()
        known = body in self.bills
        if not known:
            self.bills.append(body)
        self.note(request, body)
        return web.json_response({"ok": True}, status=200 if known else 201)


def _problem(status: int, code: str, detail: str) -> web.Response:
    return web.json_response(
        {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code},
        status=status,
        content_type="application/problem+json",
    )


def agent_config(base_url: str, **changes: Any) -> dict[str, Any]:
    """An agent whose three models live on one OpenAI-compatible server."""
    config: dict[str, Any] = {
        "id": AGENT_ID,
        "slug": "reception",
        "name": "Reception",
        "tenant": "acme",
        "version": 1,
        "language": "en",
        "prompt": {"system": "You answer the phone of Acme.", "greeting": "Welcome to Acme."},
        "stt": {"provider": "openai", "model": "whisper-1", "options": {}},
        "llm": {
            "provider": "openai",
            "model": "gpt-4o-mini",
            "temperature": 0.3,
            "options": {},
            "fallbacks": [],
        },
        "tts": {"provider": "openai", "model": "tts-1", "voice": "alloy", "options": {}},
        "turn_taking": {
            "min_endpointing_delay": 0.3,
            "max_endpointing_delay": 1.0,
            "allow_interruptions": True,
            "preemptive": True,
        },
        "tools": [],
        "handoff": None,
        "limits": {"max_call_seconds": 600, "first_word_seconds": 6, "first_token_seconds": 2},
        "media_bot": {"ringback": "eu", "transcribe": True, "sentiment": "vader", "record": False},
        "credentials": {"openai": {"api_key": "local", "base_url": base_url}},
    }
    return config | changes


async def settled(task: asyncio.Task[Any], timeout: float = 60.0) -> Any:
    """The result of a task, waited for with a limit."""
    async with asyncio.timeout(timeout):
        return await task
