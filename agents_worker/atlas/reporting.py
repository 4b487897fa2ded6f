"""What happens in a session, told to the web side as events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    UserStateChangedEvent,
    llm,
)
from livekit.agents import (
    ErrorEvent as SessionErrorEvent,
)

from agents_worker.contracts import (
    AnyEvent,
    ErrorEvent,
    LatencyEvent,
    StateEvent,
    TranscriptEvent,
    UsageEvent,
)
from agents_worker.usage import UsageMeter

_STATES = frozenset({"initializing", "listening", "thinking", "speaking"})


class Reporter:
    """Publishes transcripts of both sides, states, latency per turn, usage and errors."""

    def __init__(self, publish: Callable[[AnyEvent], None], usage: UsageMeter, *, language: str) -> None:
        self._publish = publish
        self._usage = usage
        self._language = language
        self._turn = 0
        self._asked: llm.MetricsReport = {}
        self._last_words: list[float] = []
        self.spoke_this_turn = False

    def attach(self, session: AgentSession[Any]) -> None:
        session.on("agent_state_changed", self._on_state)
        session.on("user_state_changed", self._on_caller)
        session.on("conversation_item_added", self._on_item)
        session.on("error", self._on_error)

    def usage_report(self) -> None:
        rows = self._usage.rows()
        if rows:
            self._publish(UsageEvent(usage=rows))

    def _on_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self.spoke_this_turn = True
        if event.new_state in _STATES:
            self._publish(StateEvent(state=event.new_state))

    def _on_caller(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "listening":
            self._last_words.append(event.created_at)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, llm.ChatMessage):
            return
        if item.role == "user":
            # words that were recognised too late for their own turn bring no times: the caller stopped when the turn before did
            self._asked = {**self._asked, **item.metrics}
            self.spoke_this_turn = False
        if item.role in ("user", "assistant") and (text := (item.text_content or "").strip()):
            self._publish(self._transcript(item, text))
        if item.role == "assistant":
            self._latency(item.metrics)
            self._asked = {}
            self.usage_report()

    def _transcript(self, item: llm.ChatMessage, text: str) -> TranscriptEvent:
        agent = item.role == "assistant"
        return TranscriptEvent(
            speaker="agent" if agent else "caller",
            text=text,
            started_at=_moment(item.metrics.get("started_speaking_at")),
            ended_at=_moment(item.metrics.get("stopped_speaking_at")),
            interrupted=item.interrupted if agent else None,
            language=self._language,
        )

    def _latency(self, metrics: llm.MetricsReport) -> None:
        e2e = _seconds(metrics, "e2e_latency")
        if e2e is None:
            e2e = _between(self._asked.get("stopped_speaking_at"), metrics.get("started_speaking_at"))
        e2e = self._since_last_word(e2e, metrics.get("started_speaking_at"))
        if e2e is None:
            return  # a greeting or a filler answers no turn of the caller
        self._turn += 1
        self._publish(
            LatencyEvent(
                turn=self._turn,
                e2e=e2e,
                end_of_turn=_seconds(self._asked, "end_of_turn_delay"),
                transcription=_seconds(self._asked, "transcription_delay"),
                llm_first_token=_seconds(metrics, "llm_node_ttft"),
                tts_first_audio=_seconds(metrics, "tts_node_ttfb"),
            )
        )

    def _since_last_word(self, e2e: float | None, heard_at: float | None) -> float | None:
        """A turn whose words came in two parts is timed from its first one; the caller waits from the last."""
        known = [waited for at in self._last_words if (waited := _between(at, heard_at)) is not None]
        self._last_words = []
        return e2e if e2e is None else min([e2e, *known])

    def _on_error(self, event: SessionErrorEvent) -> None:
        error = event.error
        self._publish(
            ErrorEvent(
                code=str(getattr(error, "type", "session_error")),
                message=str(getattr(error, "error", error)),
                recoverable=bool(getattr(error, "recoverable", False)),
            )
        )


def _seconds(metrics: llm.MetricsReport, name: str) -> float | None:
    value = metrics.get(name)
    return max(0.0, round(value, 4)) if isinstance(value, int | float) else None


def _between(start: float | None, end: float | None) -> float | None:
    return round(end - start, 4) if start is not None and end is not None and end >= start else None


def _moment(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)
