from __future__ import annotations

from typing import Any

import pytest
from livekit.agents import inference
from livekit.plugins import deepgram, elevenlabs

from agents_worker.contracts import AgentConfig, LlmUsage, SttUsage, TtsUsage
from agents_worker.eager_stt import EagerSTT
from agents_worker.media_bot.transcribe import deepgram_environment
from agents_worker.providers import (
    ModelFactory,
    ProviderError,
    deepgram_listen_url,
    provider_name,
    with_version,
)
from agents_worker.usage import UsageMeter, merged
from tests.agents_worker.web_side import agent_config


def factory(**changes: Any) -> ModelFactory:
    config = agent_config("http://127.0.0.1:9/v1")
    credentials = changes.pop("credentials", {})
    config["credentials"] = config["credentials"] | credentials
    return ModelFactory(AgentConfig.model_validate(config | changes))


KEYS = {
    "deepgram": {"api_key": "d", "base_url": "http://127.0.0.1:8"},
    "elevenlabs": {"api_key": "e", "base_url": None},
}


async def test_one_openai_server_is_one_client() -> None:
    made = factory()
    models = made.models(inference.VAD())
    assert isinstance(models.stt, EagerSTT)
    assert models.stt.model == "whisper-1"
    assert len(made._clients) == 1
    await made.aclose()


async def test_providers_are_chosen_by_configuration_alone() -> None:
    made = factory(
        stt={"provider": "deepgram", "model": "nova-3"},
        tts={"provider": "elevenlabs", "model": "eleven_flash_v2_5", "voice": "v"},
        credentials=KEYS,
    )
    models = made.models(inference.VAD())
    assert isinstance(models.stt, deepgram.STT)
    assert isinstance(models.tts, elevenlabs.TTS)
    assert models.tts.sample_rate == 24000
    await made.aclose()


@pytest.mark.parametrize(
    ("part", "spec", "provider"),
    [
        ("stt", {"provider": "deepgram", "model": "nova-3"}, "deepgram"),
        ("tts", {"provider": "elevenlabs", "model": "x"}, "elevenlabs"),
    ],
)
def test_a_missing_key_names_the_provider_and_the_place(part: str, spec: dict[str, str], provider: str) -> None:
    with pytest.raises(ProviderError) as caught:
        factory(**{part: spec}).models(inference.VAD())
    assert f"uses {provider}" in str(caught.value)
    assert f"{provider.upper()}_API_KEY" in str(caught.value)
    assert "Compass" in str(caught.value)


@pytest.mark.parametrize(("part", "provider"), [("stt", "elevenlabs"), ("llm", "deepgram"), ("tts", "deepgram")])
def test_a_provider_without_such_a_model_is_refused(part: str, provider: str) -> None:
    made = factory(**{part: {"provider": provider, "model": "x"}}, credentials=KEYS)
    with pytest.raises(ProviderError, match=provider):
        made.models(inference.VAD())


@pytest.mark.parametrize("name", ["api_key", "base_url", "client", "colour"])
def test_an_option_that_is_not_taken_is_named(name: str) -> None:
    made = factory(llm={"provider": "openai", "model": "m", "options": {name: "x"}, "temperature": 0})
    with pytest.raises(ProviderError, match=name):
        made.models(inference.VAD())


async def test_fallbacks_follow_the_first_model() -> None:
    fallback = {"provider": "openai", "model": "second", "temperature": 0.1}
    made = factory(llm={"provider": "openai", "model": "first", "fallbacks": [fallback]})
    models = made.models(inference.VAD())
    assert [model.model for model in models.llms] == ["first", "second"]
    await made.aclose()


@pytest.mark.parametrize(
    ("base", "listen"),
    [
        ("https://api.deepgram.com", "https://api.deepgram.com/v1/listen"),
        ("http://x:1/v1/", "http://x:1/v1/listen"),
        ("http://x:1/v1/listen", "http://x:1/v1/listen"),
    ],
)
def test_deepgrams_address_with_or_without_a_path(base: str, listen: str) -> None:
    assert deepgram_listen_url(base) == listen
    assert deepgram_environment(base).production == listen.replace("http", "ws", 1)[: -len("/v1/listen")]


def test_the_version_is_added_once() -> None:
    assert with_version("http://x/v1") == with_version("http://x") == "http://x/v1"


@pytest.mark.parametrize(
    ("plugin", "name"),
    [("Deepgram", "deepgram"), ("ElevenLabs", "elevenlabs"), ("127.0.0.1:18090", "openai")],
)
def test_names_that_billing_knows(plugin: str, name: str) -> None:
    assert provider_name(plugin) == name


def test_usage_of_runs_adds_up_by_model() -> None:
    rows = merged(
        [
            LlmUsage(provider="openai", model="a", input_tokens=5, output_tokens=1),
            SttUsage(provider="deepgram", model="n", audio_duration=1.5),
            LlmUsage(provider="openai", model="a", input_tokens=2, output_tokens=3),
            LlmUsage(provider="openai", model="b", input_tokens=7),
            TtsUsage(provider="openai", model="t", characters_count=9),
        ]
    )
    assert [(row.kind, row.model) for row in rows] == [
        ("llm", "a"),
        ("stt", "n"),
        ("llm", "b"),
        ("tts", "t"),
    ]
    assert rows[0] == LlmUsage(provider="openai", model="a", input_tokens=7, output_tokens=4)
    assert UsageMeter().rows() == []
