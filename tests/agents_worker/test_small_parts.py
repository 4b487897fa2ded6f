"""Phrases, tones, sentiment, resuming, rooms: small parts without a network."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pytest
from livekit import rtc

from agents_worker.atlas.reporting import _STATES
from agents_worker.atlas.resume import chat_from
from agents_worker.contracts import AgentConfig, StateEvent, Transcript, TranscriptItem
from agents_worker.inline import InlineExecutor
from agents_worker.media_bot import tones
from agents_worker.media_bot.announce import platform_config
from agents_worker.media_bot.sentiment import (
    ModelSentiment,
    VaderSentiment,
    score_from,
    sentiment_event,
    sentiment_for,
)
from agents_worker.media_bot.utterances import by_level
from agents_worker.phrases import _PHRASES, LANGUAGES, phrase
from agents_worker.providers import ModelFactory
from agents_worker.room import left_for_good
from tests.agents_worker.web_side import agent_config


def test_every_language_has_every_phrase() -> None:
    assert {"en", "de", "fr", "es", "it", "pt", "nl"} <= LANGUAGES
    assert len({frozenset(table) for table in _PHRASES.values()}) == 1


@pytest.mark.parametrize(("language", "start"), [("de-AT", "Einen"), ("pt_BR", "Um"), ("xx", "One")])
def test_a_phrase_in_the_nearest_language(language: str, start: str) -> None:
    assert phrase("filler", language).startswith(start)


@pytest.mark.parametrize("country", sorted(tones.RINGBACK))
def test_a_tone_sounds_at_its_frequencies_and_rests(country: str) -> None:
    tone = tones.ringback_tone(country)
    samples = np.frombuffer(tones.cycle(tone), dtype="<i2").astype(float)
    assert samples.size == sum(int(seconds * tones.RATE) for seconds in tone.cadence)
    assert 1000 < np.abs(samples).max() < 12000
    burst = samples[: int(tone.cadence[0] * tones.RATE)]
    spectrum = np.abs(np.fft.rfft(burst * np.hanning(burst.size)))
    loudest = np.fft.rfftfreq(burst.size, 1 / tones.RATE)[spectrum.argmax()]
    assert min(abs(loudest - frequency) for frequency in tone.frequencies) < 5
    rest = samples[burst.size : burst.size + int(tone.cadence[1] * tones.RATE)]
    assert not rest.any()


def test_an_unknown_country_rings_as_europe() -> None:
    assert tones.ringback_tone("atlantis") == tones.RINGBACK["eu"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("This is wonderful, thank you so much!", "positive"),
        ("I am very angry, this is terrible.", "negative"),
        ("The table is made of wood.", "neutral"),
        ("I would rather talk to a person, please.", "neutral"),
        ("This is terrible, please help.", "negative"),
    ],
)
async def test_english_sentiment(text: str, label: str) -> None:
    score = await VaderSentiment().score(text)
    assert score is not None
    assert sentiment_event(text, score).label == label


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ('{"score": -0.5}', -0.5),
        ('Sure: {"score": 3}', 1.0),
        ("no idea", None),
        ('{"score": null}', None),
        ("", None),
    ],
)
def test_a_models_rating_is_read_with_care(answer: str, score: float | None) -> None:
    assert score_from(answer) == score


@pytest.mark.parametrize(
    ("language", "wanted", "kind"),
    [
        ("en-GB", "vader", VaderSentiment),
        ("de", "vader", ModelSentiment),
        ("en", "llm", ModelSentiment),
        ("en", "off", None),
        ("en", None, None),
    ],
)
async def test_who_rates_sentiment(language: str, wanted: str | None, kind: type | None) -> None:
    body = agent_config("http://127.0.0.1:9/v1", language=language, media_bot={"sentiment": wanted})
    config = AgentConfig.model_validate(body)
    factory = ModelFactory(config)
    found = sentiment_for(config, factory)
    await factory.aclose()
    assert type(found) is (kind or type(None))


def test_a_conversation_is_taken_up_again() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    items = [
        TranscriptItem(speaker="agent", text="Welcome.", at=at),
        TranscriptItem(speaker="caller", text="Hello."),
    ]
    chat = chat_from(Transcript(call_id="c", items=items))
    said = [(message.role, message.text_content) for message in chat.messages()]
    assert said == [("assistant", "Welcome."), ("user", "Hello.")]


def test_states_told_are_states_of_the_contract() -> None:
    assert all(StateEvent(state=cast(Any, state)) for state in _STATES)


@pytest.mark.parametrize(
    ("reason", "final"),
    [("CLIENT_INITIATED", True), ("PARTICIPANT_REMOVED", True), ("SIGNAL_CLOSE", False)],
)
def test_hanging_up_differs_from_losing_the_line(reason: str, final: bool) -> None:
    participant = type("P", (), {"disconnect_reason": getattr(rtc.DisconnectReason, reason)})
    assert left_for_good(cast(Any, participant)) is final


def test_the_platforms_own_voice_comes_from_the_environment() -> None:
    assert platform_config("en", {}) is None
    config = platform_config("de", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://x/v1"})
    assert config is not None
    assert (config.language, config.tts.provider, config.tts.model) == ("de", "openai", "tts-1")
    assert config.credentials["openai"].base_url == "http://x/v1"
    eleven = platform_config("en", {"ELEVENLABS_API_KEY": "k", "MERIDIAN_TTS_VOICE": "v"})
    assert eleven is not None
    assert (eleven.tts.provider, eleven.tts.voice) == ("elevenlabs", "v")


def frame(level: int, seconds: float = 0.1) -> rtc.AudioFrame:
    samples = np.full(int(16000 * seconds), level, dtype=np.int16)
    return rtc.AudioFrame(samples.tobytes(), 16000, 1, samples.size)


async def test_a_synthetic_voice_is_cut_where_it_is_silent() -> None:
    async def frames() -> Any:
        for level in [0, 0, 900, 900, 0, 0, 900, *[0] * 6, 0, 900, 900]:
            yield frame(level)

    found = [utterance async for utterance in by_level(frames())]
    assert [round(u.audio.duration, 1) for u in found] == [1.0, 0.2]
    assert all(u.started_at < u.ended_at for u in found)


async def test_inline_work_runs_in_the_loops_thread_without_a_turn_of_the_loop() -> None:
    loop, turned = asyncio.get_running_loop(), []
    loop.call_soon(turned.append, "turned")
    thread = await loop.run_in_executor(InlineExecutor(), threading.get_ident)
    assert (thread, turned) == (threading.get_ident(), [])


async def test_inline_work_that_fails_raises_where_it_is_awaited() -> None:
    with pytest.raises(ZeroDivisionError):
        await asyncio.get_running_loop().run_in_executor(InlineExecutor(), lambda: 1 // 0)
