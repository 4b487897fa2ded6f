from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, inference, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agents_worker.eager_stt import SAMPLE_RATE, EagerSTT
from tests.agents_worker.conftest import resampled
from tests.agents_worker.room_side import RATE

Kind = stt.SpeechEventType
STEP = SAMPLE_RATE // 50


@dataclass
class Asked:
    seconds: float
    answer: asyncio.Future[str] = field(default_factory=asyncio.Future)


class Recognizer(stt.STT[Any]):
    """Answers when the test says so, or at once with `text`."""

    def __init__(self, text: str | None = "hello") -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self.text = text
        self.asked: list[Asked] = []
        self.failures = 0

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        asked = Asked(buffer.duration)
        self.asked.append(asked)
        if self.failures:
            self.failures -= 1
            raise APIConnectionError(retryable=False)
        text = self.text if self.text is not None else await asked.answer
        data = stt.SpeechData(language="en", text=text)
        return stt.SpeechEvent(type=Kind.FINAL_TRANSCRIPT, alternatives=[data])


@pytest.fixture
def speech(question: bytes) -> list[rtc.AudioFrame]:
    return framed(trimmed(resampled(question, RATE, SAMPLE_RATE)))


def trimmed(pcm: bytes) -> bytes:
    """Without the silence before and after."""
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, dtype=np.int16)) > 500)
    return pcm[2 * loud[0] : 2 * loud[-1] + 2]


def framed(pcm: bytes) -> list[rtc.AudioFrame]:
    pieces = [pcm[i : i + 2 * STEP] for i in range(0, len(pcm) - 2 * STEP + 1, 2 * STEP)]
    return [rtc.AudioFrame(piece, SAMPLE_RATE, 1, STEP) for piece in pieces]


def pause(seconds: float) -> list[rtc.AudioFrame]:
    return framed(bytes(2 * int(seconds * SAMPLE_RATE)))


class Session:
    """Feeds frames and keeps the events that are not about the edges of speech."""

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self.owner = EagerSTT(recognizer, inference.VAD(min_silence_duration=0.6))
        self.stream = self.owner.stream(conn_options=DEFAULT_API_CONNECT_OPTIONS)
        self.events: list[tuple[str, str]] = []
        self.ends: list[tuple[str, float | None]] = []
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._collect())

    async def _collect(self) -> None:
        async for event in self.stream:
            text = event.alternatives[0].text if event.alternatives else ""
            self.events.append((event.type.value, text))
            if event.type in (Kind.END_OF_SPEECH, Kind.FINAL_TRANSCRIPT):
                self.ends.append((event.type.value, event.speech_end_time))
            self._changed.set()

    def feed(self, frames: list[rtc.AudioFrame]) -> None:
        for frame in frames:
            self.stream.push_frame(frame)

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def asked(self, times: int) -> None:
        async with asyncio.timeout(60):
            while len(self.recognizer.asked) < times:
                await asyncio.sleep(0.01)

    def words(self) -> list[tuple[str, str]]:
        return [event for event in self.events if event[1]]

    async def close(self) -> None:
        self.stream.end_input()
        async with asyncio.timeout(60):
            await self._task
        await self.stream.aclose()


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    made = Session(Recognizer())
    yield made
    await made.stream.aclose()


async def test_the_answer_is_there_before_the_turn_ends(session: Session, speech: list[rtc.AudioFrame]) -> None:
    session.feed([*pause(0.3), *speech, *pause(1.2)])
    await session.close()
    assert session.words() == [("preflight_transcript", "hello"), ("final_transcript", "hello")]
    kinds = [kind for kind, _ in session.events]
    assert kinds.index("preflight_transcript") < kinds.index("end_of_speech")
    assert len(session.recognizer.asked) == 1


async def test_who_goes_on_is_recognised_as_a_whole(speech: list[rtc.AudioFrame]) -> None:
    session = Session(Recognizer(text=None))
    session.feed([*pause(0.3), *speech, *pause(0.4)])
    await session.asked(1)
    session.feed([*speech, *pause(1.2)])
    await session.asked(2)
    first, second = session.recognizer.asked
    assert first.answer.cancelled()
    assert second.seconds > 1.5 * first.seconds
    second.answer.set_result("both")
    await session.close()
    assert session.words()[-1] == ("final_transcript", "both")
    assert ("final_transcript", "first") not in session.events


async def test_what_was_announced_is_taken_back(speech: list[rtc.AudioFrame]) -> None:
    session = Session(Recognizer("half"))
    session.feed([*pause(0.3), *speech, *pause(0.4)])
    await session.until(lambda: ("preflight_transcript", "half") in session.events)
    session.recognizer.text = "whole"
    session.feed([*speech, *pause(1.2)])
    await session.close()
    assert session.words() == [
        ("preflight_transcript", "half"),
        ("interim_transcript", "half"),
        ("preflight_transcript", "whole"),
        ("final_transcript", "whole"),
    ]


async def test_a_failed_early_attempt_is_made_again(speech: list[rtc.AudioFrame]) -> None:
    session = Session(Recognizer())
    session.recognizer.failures = 1
    session.feed([*pause(0.3), *speech, *pause(1.2)])
    await session.close()
    assert session.words() == [("final_transcript", "hello")]


async def test_an_utterance_that_fails_leaves_the_next_alone(speech: list[rtc.AudioFrame]) -> None:
    session = Session(Recognizer())
    session.recognizer.failures = 2
    errors: list[Any] = []
    session.owner.on("error", errors.append)
    session.feed([*pause(0.3), *speech, *pause(1.2)])
    await session.asked(2)
    session.feed([*speech, *pause(1.2)])
    await session.close()
    assert session.words()[-1] == ("final_transcript", "hello")
    assert len([w for w in session.words() if w[0] == "final_transcript"]) == 1
    assert errors


@pytest.mark.parametrize("failures", [0, 2])
async def test_an_utterance_without_words_is_told_to_be_over(speech: list[rtc.AudioFrame], failures: int) -> None:
    session = Session(Recognizer(" "))
    session.recognizer.failures = failures
    session.feed([*pause(0.3), *speech, *pause(1.2)])
    await session.close()
    assert session.words() == []
    assert [(kind, at is not None) for kind, at in session.ends] == [("end_of_speech", True), ("end_of_speech", False)]


async def test_an_utterance_without_words_says_nothing_of_the_one_that_follows(speech: list[rtc.AudioFrame]) -> None:
    session = Session(Recognizer(text=None))
    session.feed([*pause(0.3), *speech, *pause(1.2)])
    await session.until(lambda: session.ends)
    session.feed(speech)
    await session.until(lambda: [kind for kind, _ in session.events].count("start_of_speech") == 2)
    session.recognizer.asked[0].answer.set_result("")
    session.feed(pause(1.2))
    await session.asked(2)
    session.recognizer.asked[1].answer.set_result("second")
    await session.close()
    assert session.words()[-1] == ("final_transcript", "second")
    (_, first), (_, second), (_, words) = session.ends
    assert None is not first < second == words


async def test_silence_is_never_sent(session: Session) -> None:
    session.feed(pause(2.0))
    await session.close()
    assert session.recognizer.asked == []


async def test_usage_of_the_recogniser_is_passed_on(session: Session, speech: list[rtc.AudioFrame]) -> None:
    metrics: list[Any] = []
    session.owner.on("metrics_collected", metrics.append)
    session.feed([*pause(0.3), *speech, *pause(1.2)])
    await session.close()
    assert [round(m.audio_duration, 1) for m in metrics] == [round(session.recognizer.asked[0].seconds, 1)]
