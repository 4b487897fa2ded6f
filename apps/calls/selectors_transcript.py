"""A call's transcript: Atlas's words (what the model heard and said), and Media Bot's where no Atlas was to hear or say any."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any

from django.utils.dateparse import parse_datetime

from apps.calls.models import Call, CallEvent, Dispatch, EventType
from apps.calls.selectors import call_usage
from apps.calls.services.dispatches import ATLAS, MEDIA_BOT
from apps.calls.services.events import ANSWERING
from apps.core.moments import utc_text

EDGE = timedelta(seconds=2)  # as far apart two recognisers may place the same words
SAME = 0.6  # of a line's words: two recognisers seldom agree on all
ALIKE = 0.8  # of all letters, where they part the words elsewhere
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Line:
    """Something that was said, and when: Media Bot tells it later than it was said, and later than Atlas does."""

    event: CallEvent

    @cached_property
    def start(self) -> datetime:
        return parse_datetime(self.event.data.get("started_at") or "") or self.event.at

    @cached_property
    def end(self) -> datetime:
        return parse_datetime(self.event.data.get("ended_at") or "") or self.event.at

    @property
    def middle(self) -> datetime:
        return self.start + (self.end - self.start) / 2

    @property
    def moment(self) -> datetime:
        """Its place in the order: Atlas's own order is the model's, so it is left as it is."""
        return self.event.at if self.event.system == ATLAS else self.end

    @cached_property
    def words(self) -> Counter[str]:
        return Counter(self._parts)

    @cached_property
    def letters(self) -> str:
        return "".join(self._parts)

    @property
    def _parts(self) -> list[str]:
        return WORD.findall(str(self.event.data.get("text", "")).casefold())


@dataclass(frozen=True)
class Span:
    """From an Atlas's first listening to its last words; without an end while it holds the call."""

    start: datetime
    end: datetime | None

    def covers(self, line: Line) -> bool:
        return self.start <= line.middle and (self.end is None or line.middle <= self.end)


def call_transcript(call: Call) -> list[CallEvent]:
    """What was said, in order and each once: Atlas's words, and Media Bot's where no Atlas was."""
    return transcript_of(call, call.events.filter(type__in=(EventType.TRANSCRIPT, EventType.STATE)))


def transcript_of(call: Call, events: Iterable[CallEvent]) -> list[CallEvent]:
    """The same from events of the call that were read already, all transcripts and states among them."""
    events = list(events)
    said = sorted((Line(e) for e in events if e.type == EventType.TRANSCRIPT), key=_place)
    kept = [line for line in said if line.event.system == ATLAS]
    spans = _spans(call, [event for event in events if event.system == ATLAS])
    for line in said:
        if line.event.system == MEDIA_BOT and not any(span.covers(line) for span in spans):
            kept += [line] if not any(_repeats(line, other) for other in kept) else []
    return [line.event for line in sorted(kept, key=_place)]


def transcript_for_agent(call: Call) -> dict[str, Any]:
    """The answer of GET /calls/{call_id}/transcript."""
    return {
        "call_id": str(call.pk),
        "agent_id": str(call.agent_id) if call.agent_id else None,
        "started_at": utc_text(call.joined_at or call.started_at),
        "items": [_item(event) for event in call_transcript(call)],
        "usage": call_usage(call, ATLAS),
    }


def _place(line: Line) -> tuple[datetime, int]:
    return line.moment, line.event.pk


def _repeats(line: Line, other: Line) -> bool:
    """Whether the other run's line has these words already: at its edges a run and Media Bot hear the same."""
    if line.event.source == other.event.source or line.event.data.get("speaker") != other.event.data.get("speaker"):
        return False
    if line.start - EDGE > other.end or other.start - EDGE > line.end:
        return False
    if (line.words & other.words).total() >= SAME * line.words.total():
        return True
    return SequenceMatcher(None, line.letters, other.letters).ratio() >= ALIKE


def _spans(call: Call, events: list[CallEvent]) -> list[Span]:
    runs: dict[str, list[CallEvent]] = {}
    for event in events:
        runs.setdefault(event.source, []).append(event)
    holder = _holder(call) if runs else None
    spans = (_span(told, is_over=told[0].attempt != holder or any(_is_closed(event) for event in told)) for told in runs.values())
    return [span for span in spans if span is not None]


def _span(told: list[CallEvent], *, is_over: bool) -> Span | None:
    lines = [Line(event) for event in told if event.type == EventType.TRANSCRIPT]
    heard = [event.at for event in told if event.type == EventType.STATE and event.data.get("state") in ANSWERING]
    start = min([*heard, *(line.start for line in lines)], default=None)
    if start is None or (is_over and not lines):
        return None
    return Span(start, max(line.event.at for line in lines) if is_over else None)


def _holder(call: Call) -> int | None:
    """The attempt of the Atlas that has the call now."""
    if not call.is_live:
        return None
    newest = call.dispatches.filter(agent_name=ATLAS).order_by("-attempt").first()
    return newest.attempt if newest is not None and newest.state != Dispatch.State.FAILED else None


def _is_closed(event: CallEvent) -> bool:
    return event.type == EventType.STATE and event.data.get("state") == "closed"


def _item(event: CallEvent) -> dict[str, Any]:
    return {"speaker": event.data.get("speaker"), "text": event.data.get("text", ""), "at": utc_text(Line(event).moment)}
