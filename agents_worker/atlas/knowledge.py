"""What the company's documents say about the caller's last words, put before the model, and never for longer than a breath."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from livekit.agents import llm

from agents_worker.backend import ApiRefused, ApiUnavailable, CallApi, ToolFailed
from agents_worker.contracts import AnyEvent, KnowledgeConfig, ToolEvent

logger = logging.getLogger(__name__)

SEARCH = "search_knowledge"
BUDGET = 0.15  # seconds that a caller may wait for passages
FEW_WORDS = 5  # a question this short leans on the one before it
LONGEST = 1_000  # characters of a question
BEFORE = "What the company's documents say about it; use it where it answers the question, and nothing else about the company:"


class Knowledge:
    """Looks passages up once for each thing the caller says."""

    def __init__(self, config: KnowledgeConfig, api: CallApi, publish: Callable[[AnyEvent], None]) -> None:
        self._wanted = config.before_each_turn
        self._api, self._publish = api, publish
        self._question, self._passages = "", ""

    async def put(self, chat_ctx: llm.ChatContext) -> llm.ChatContext:
        """The same chat with the passages before the caller's last words; unchanged where there are none in time."""
        question = asked_about(chat_ctx) if self._wanted else ""
        if not question:
            return chat_ctx
        if question != self._question:
            self._question, self._passages = question, await self._look_up(question)
        if not self._passages:
            return chat_ctx
        known = chat_ctx.copy()
        known.items.insert(_last_said(known), llm.ChatMessage(role="system", content=[self._passages]))
        return known

    async def _look_up(self, question: str) -> str:
        started = time.monotonic()
        try:
            async with asyncio.timeout(BUDGET):
                result = await self._api.tool_run(SEARCH, {"query": question[:LONGEST]})
        except (ApiRefused, ApiUnavailable, ToolFailed, TimeoutError) as error:
            logger.warning("nothing was looked up: %s", error or "no answer in time")
            return ""
        found = passages_of(result)
        if found:
            seconds = round(time.monotonic() - started, 3)
            self._publish(ToolEvent(name=SEARCH, ok=True, duration=seconds, sources=sources_of(result)))
        return "\n".join([BEFORE, *found]) if found else ""


def asked_about(chat_ctx: llm.ChatContext) -> str:
    """The caller's last words; where they are few, with what the caller said before them."""
    said = [item.text_content or "" for item in chat_ctx.items if isinstance(item, llm.ChatMessage) and item.role == "user"]
    if not said:
        return ""
    return said[-1] if len(said[-1].split()) >= FEW_WORDS else " ".join(said[-2:])


def passages_of(result: Any) -> list[str]:
    """Each passage of a tool's answer with where it stands."""
    return [f"[{_place(passage['source'])}] {passage['text']}" for passage in _passages(result)]


def sources_of(result: Any) -> list[str]:
    """Where the passages of a tool's answer stand, each place once."""
    return list(dict.fromkeys(_place(passage["source"]) for passage in _passages(result)))


def _passages(result: Any) -> list[dict[str, Any]]:
    passages = result.get("passages") if isinstance(result, dict) else None
    return [one for one in passages or [] if isinstance(one, dict) and isinstance(one.get("source"), dict) and "text" in one]


def _place(source: dict[str, Any]) -> str:
    page = f"page {source['page']}" if source.get("page") else ""
    return ", ".join(filter(None, (str(source.get("document") or ""), page, str(source.get("heading") or ""))))


def _last_said(chat_ctx: llm.ChatContext) -> int:
    places = [i for i, item in enumerate(chat_ctx.items) if isinstance(item, llm.ChatMessage) and item.role == "user"]
    return places[-1] if places else len(chat_ctx.items)
