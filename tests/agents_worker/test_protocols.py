"""The real plugins and SDKs against the stand-ins: what they send, and what they make of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import APIError, APIStatusError, inference, llm, stt, utils
from livekit.agents.types import APIConnectOptions

from agents_worker.contracts import AgentConfig, Credential
from agents_worker.media_bot import transcribe
from agents_worker.media_bot.sentiment import ModelSentiment
from agents_worker.media_bot.transcribe import DeepgramTranscriber, UtteranceTranscriber
from agents_worker.media_bot.utterances import Utterance, by_voice
from agents_worker.providers import ModelFactory
from agents_worker.usage import UsageMeter
from tests.agents_worker.conftest import resampled
from tests.agents_worker.room_side import RATE
from tests.agents_worker.test_eager_stt import framed, pause
from tests.agents_worker.web_side import agent_config
from tests.standins.deepgram import DeepgramStandin
from tests.standins.elevenlabs import ElevenLabsStandin
from tests.standins.openai import Answer, OpenAIStandin

ONCE = APIConnectOptions(max_retry=0, timeout=60.0)


@pytest.fixture(autouse=True)
async def _http() -> AsyncIterator[None]:
    """The plugins take their aiohttp session from the job they run in."""
    utils.http_context._new_session_ctx()
    yield
    await utils.http_context._close_http_ctx()


@pytest.fixture
async def deepgram() -> AsyncIterator[DeepgramStandin]:
    async with DeepgramStandin(api_key="dg-key") as standin:
        yield standin


@pytest.fixture
async def elevenlabs() -> AsyncIterator[ElevenLabsStandin]:
    async with ElevenLabsStandin(api_key="el-key") as standin:
        yield standin


@pytest.fixture
def speech(question: bytes) -> list[rtc.AudioFrame]:
    return framed(resampled(question, RATE, 16000))


def config(**changes: Any) -> AgentConfig:
    return AgentConfig.model_validate(agent_config("http://127.0.0.1:9/v1") | changes)


def deepgram_config(standin: DeepgramStandin, key: str = "dg-key") -> AgentConfig:
    return config(
        stt={"provider": "deepgram", "model": "nova-3", "options": {"smart_format": True}},
        credentials={"deepgram": {"api_key": key, "base_url": standin.base_url}},
    )


def elevenlabs_config(standin: ElevenLabsStandin, key: str = "el-key") -> AgentConfig:
    return config(
        tts={
            "provider": "elevenlabs",
            "model": "eleven_flash_v2_5",
            "voice": "rachel",
            "options": {"voice_settings": {"stability": 0.4, "similarity_boost": 0.8}},
        },
        credentials={"elevenlabs": {"api_key": key, "base_url": standin.base_url}},
    )


# --- Deepgram ------------------------------------------------------------------------------


async def test_deepgram_plugin(deepgram: DeepgramStandin, speech: list[rtc.AudioFrame]) -> None:
    deepgram.transcripts = ["What are your opening hours on Saturday?"]
    recognizer = ModelFactory(deepgram_config(deepgram)).streaming_stt(inference.VAD())
    meter = UsageMeter()
    meter.watch(recognizer)
    stream = recognizer.stream(conn_options=ONCE)
    for frame in [*pause(0.2), *speech, *pause(0.6)]:
        stream.push_frame(frame)
    stream.end_input()
    events = [event async for event in stream]
    finals = [e for e in events if e.type == stt.SpeechEventType.FINAL_TRANSCRIPT]
    assert [e.alternatives[0].text for e in finals] == ["What are your opening hours on Saturday?"]
    assert stt.SpeechEventType.INTERIM_TRANSCRIPT in {e.type for e in events}
    assert deepgram.problems == []
    query = deepgram.connections[0].query
    assert (query["model"], query["language"], query["smart_format"]) == ("nova-3", "en", "true")
    assert (query["encoding"], query["sample_rate"]) == ("linear16", "16000")
    assert deepgram.connections[0].frames[-1] == {"type": "CloseStream"}
    await stream.aclose()
    (row,) = meter.rows()
    assert (row.kind, row.provider, row.model) == ("stt", "deepgram", "nova-3")
    assert row.audio_duration > 2


async def test_deepgram_plugin_with_a_wrong_key(deepgram: DeepgramStandin) -> None:
    recognizer = ModelFactory(deepgram_config(deepgram, key="wrong")).streaming_stt(inference.VAD())
    stream = recognizer.stream(conn_options=ONCE)
    with pytest.raises(APIStatusError) as caught:
        async for _ in stream:
            pass
    assert caught.value.status_code == 401
    await stream.aclose()


async def frames_of(frames: list[rtc.AudioFrame]) -> AsyncIterator[rtc.AudioFrame]:
    for frame in frames:
        yield frame
        await asyncio.sleep(0)


def sdk(standin: DeepgramStandin, frames: list[rtc.AudioFrame]) -> DeepgramTranscriber:
    wanted = deepgram_config(standin)
    credential = wanted.credentials["deepgram"]
    return DeepgramTranscriber("caller", frames_of(frames), credential, wanted)


async def test_deepgram_sdk(deepgram: DeepgramStandin, speech: list[rtc.AudioFrame]) -> None:
    deepgram.transcripts = ["first", "second"]
    transcriber = sdk(deepgram, [*speech, *pause(0.6), *speech, *pause(0.6)])
    heard = [item async for item in transcriber.heard()]
    assert [(item.speaker, item.text) for item in heard] == [("caller", "first"), ("caller", "second")]
    assert heard[0].started_at < heard[0].ended_at <= heard[1].started_at
    assert deepgram.problems == []
    seen = deepgram.connections[0]
    assert seen.headers["authorization"] == "Token dg-key"
    assert (seen.query["model"], seen.query["punctuate"].lower()) == ("nova-3", "true")
    assert seen.frames == [{"type": "CloseStream"}]
    assert transcriber.usage().audio_duration > 4


async def test_deepgram_sdk_comes_back_after_a_lost_connection(
    deepgram: DeepgramStandin, speech: list[rtc.AudioFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcribe, "_RECONNECT_SECONDS", 0.01)
    deepgram.close_after = 0.5
    transcriber = sdk(deepgram, [*speech, *pause(0.6), *speech, *pause(0.6)])
    heard = [item.text async for item in transcriber.heard()]
    assert heard
    assert len(deepgram.connections) == 2


# --- ElevenLabs ----------------------------------------------------------------------------


async def test_elevenlabs_websocket(elevenlabs: ElevenLabsStandin) -> None:
    voice = ModelFactory(elevenlabs_config(elevenlabs)).tts()
    meter = UsageMeter()
    meter.watch(voice)
    stream = voice.stream(conn_options=ONCE)
    stream.push_text("Hello, this is Acme. How can I help you today?")
    stream.end_input()
    seconds = sum([event.frame.duration async for event in stream])
    await stream.aclose()
    assert seconds > 1.5
    assert elevenlabs.problems == []
    (seen,) = elevenlabs.seen
    assert seen.path == "/v1/text-to-speech/rachel/multi-stream-input"
    assert seen.query["model_id"] == "eleven_flash_v2_5"
    assert seen.query["output_format"] == "pcm_24000"
    assert seen.query["language_code"] == "en"
    assert seen.frames[0]["voice_settings"] == {"stability": 0.4, "similarity_boost": 0.8}
    assert seen.frames[-1]["close_context"] is True
    assert " ".join(elevenlabs.texts) == "Hello, this is Acme. How can I help you today?"
    (row,) = meter.rows()
    assert (row.kind, row.provider) == ("tts", "elevenlabs")
    assert row.characters_count >= 46
    await voice.aclose()


async def test_elevenlabs_in_one_piece(elevenlabs: ElevenLabsStandin) -> None:
    voice = ModelFactory(elevenlabs_config(elevenlabs)).tts()
    async with voice.synthesize("Goodbye.", conn_options=ONCE) as stream:
        seconds = sum([event.frame.duration async for event in stream])
    assert seconds > 0.3
    assert elevenlabs.problems == []
    await voice.aclose()


async def test_elevenlabs_with_a_wrong_key(elevenlabs: ElevenLabsStandin) -> None:
    voice = ModelFactory(elevenlabs_config(elevenlabs, key="wrong")).tts()
    with pytest.raises(APIError):
        async with voice.synthesize("Goodbye.", conn_options=ONCE) as stream:
            async for _ in stream:
                pass
    await voice.aclose()


# --- OpenAI --------------------------------------------------------------------------------


@pytest.fixture
async def factory(models: OpenAIStandin) -> AsyncIterator[ModelFactory]:
    made = ModelFactory(AgentConfig.model_validate(agent_config(models.base_url)))
    yield made
    await made.aclose()


async def test_openai_chat(models: OpenAIStandin, factory: ModelFactory) -> None:
    models.answers = [Answer("We open at nine.")]
    model = factory.llm(factory._config.llm)
    meter = UsageMeter()
    meter.watch(model)
    chat = llm.ChatContext.empty()
    chat.add_message(role="user", content="When do you open?")
    async with model.chat(chat_ctx=chat) as stream:
        text = "".join([c.delta.content or "" async for c in stream if c.delta])
    assert text.strip() == "We open at nine."
    body = models.chats[0].body
    assert (body["model"], body["temperature"], body["stream"]) == ("gpt-4o-mini", 0.3, True)
    (row,) = meter.rows()
    assert (row.kind, row.provider, row.model, row.output_tokens) == ("llm", "openai", "gpt-4o-mini", 4)


async def test_openai_speech(models: OpenAIStandin, factory: ModelFactory) -> None:
    async with factory.tts().synthesize("Welcome to Acme.") as stream:
        seconds = sum([event.frame.duration async for event in stream])
    assert seconds == pytest.approx(16 * 0.06, abs=0.1)
    body = models.speeches[0].body
    assert (body["voice"], body["response_format"]) == ("alloy", "pcm")


async def test_openai_transcription(models: OpenAIStandin, factory: ModelFactory, speech: list[rtc.AudioFrame]) -> None:
    event = await factory.stt().recognize(buffer=speech)
    assert event.alternatives[0].text == models.transcript
    body = models.transcriptions[0].body
    assert (body["model"], body["language"]) == ("whisper-1", "en")
    assert float(body["seconds"]) > 1.5


async def test_media_bots_own_transcription(
    models: OpenAIStandin,
    factory: ModelFactory,
    speech: list[rtc.AudioFrame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transcribe, "COURTESY_SECONDS", 0)
    client = factory.openai(Credential(api_key="local", base_url=models.base_url))
    detector = inference.VAD(min_silence_duration=0.5)
    utterances = by_voice(frames_of([*pause(0.3), *speech, *pause(1.0)]), detector)
    transcriber = UtteranceTranscriber("caller", utterances, client, factory._config)
    heard = [item.text async for item in transcriber.heard()]
    assert heard == [models.transcript]
    assert transcriber.usage().audio_duration > 1.5


async def test_media_bot_drops_what_was_not_recognised(
    models: OpenAIStandin, factory: ModelFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcribe, "COURTESY_SECONDS", 0)

    async def one() -> AsyncIterator[Utterance]:
        moment = transcribe.utc_now()
        yield Utterance(pause(0.5)[0], moment, moment)

    client = factory.openai(Credential(api_key="local", base_url="http://127.0.0.1:9/v1"))
    transcriber = UtteranceTranscriber("caller", one(), client, factory._config)
    assert [item async for item in transcriber.heard()] == []
    assert transcriber.usage().audio_duration == 0


async def test_sentiment_by_the_agents_model(models: OpenAIStandin, factory: ModelFactory) -> None:
    models.answers = [Answer('{"score": -0.8}'), Answer(status=500)]
    client = factory.openai(Credential(api_key="local", base_url=models.base_url))
    sentiment = ModelSentiment(client, "openai", "gpt-4o-mini")
    assert sentiment.usage() is None
    assert await sentiment.score("Ich bin sehr verärgert.") == -0.8
    assert await sentiment.score("Ich bin sehr verärgert.") is None
    used = sentiment.usage()
    assert used is not None and (used.provider, used.model) == ("openai", "gpt-4o-mini")
    assert used.input_tokens > 0 and used.output_tokens > 0
    assert models.chats[0].body["temperature"] == 0
