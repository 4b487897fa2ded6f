"""The local models' server with the real models: what the voice says is what the ear hears."""

import io
import itertools
import json
import threading
import wave
from collections.abc import Iterator

import av
import httpx
import openai
import psutil
import pytest

from embedded.environment import surroundings
from embedded.paths import scratch_dir
from embedded.ports import port_free
from embedded.services import models_service
from tests.embedded.waiting import gone, wait_until
from tests.spoken import alike

pytestmark = pytest.mark.e2e
QUESTION = "What are your opening hours?"


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    service = models_service(scratch_dir("meridian-test-models-"), port_free(), surroundings())
    with service.process:
        service.wait_ready()
        voices = psutil.Process(service.process.pid).children()
        yield service.result
    wait_until(lambda: all(gone(voice.pid) for voice in voices))


@pytest.fixture
def models(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="local", max_retries=0, timeout=60) as client:
        yield client


def speak(models: openai.OpenAI, text: str, kind: str) -> bytes:
    return models.audio.speech.create(model="piper", voice="joe", input=text, response_format=kind).content  # type: ignore[arg-type]


def as_wav(pcm: bytes) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(pcm)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["pcm", "wav", "mp3"])
def test_what_is_spoken_is_heard(models: openai.OpenAI, kind: str) -> None:
    sound = speak(models, QUESTION, kind)
    data = as_wav(sound) if kind == "pcm" else sound
    heard = models.audio.transcriptions.create(model="whisper-tiny.en", file=(f"file.{kind}", data), language="en")
    assert alike("what are your opening hours", heard.text)


def test_speech_is_24_kilohertz_mono_of_a_plausible_length(models: openai.OpenAI) -> None:
    pcm = speak(models, QUESTION, "pcm")
    assert 1.0 < len(pcm) / 48_000 < 3.0
    with av.open(io.BytesIO(speak(models, QUESTION, "mp3"))) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.channels) == (24_000, 1)


def test_speech_comes_before_a_long_text_is_finished(base_url: str) -> None:
    body = {
        "model": "piper",
        "voice": "joe",
        "response_format": "pcm",
        "input": "Yes, of course we are. " + "And we sell sofas too. " * 20,
    }
    headers = {"authorization": "Bearer local"}
    with httpx.stream("POST", f"{base_url}/audio/speech", json=body, headers=headers, timeout=60, trust_env=False) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        whole = len(first) + sum(len(piece) for piece in pieces)
    assert len(first) < whole / 5


def test_slower_speech_is_longer(models: openai.OpenAI) -> None:
    usual = len(speak(models, QUESTION, "pcm"))
    slow = models.audio.speech.create(model="piper", voice="joe", input=QUESTION, response_format="pcm", speed=0.5).content
    assert len(slow) > usual * 1.5


def test_a_verbose_transcription_has_segments_and_its_duration(models: openai.OpenAI) -> None:
    wav = as_wav(speak(models, QUESTION, "pcm"))
    heard = models.audio.transcriptions.create(model="whisper-tiny.en", file=("a.wav", wav), response_format="verbose_json")
    assert heard.language == "english"
    assert 1.0 < heard.duration < 3.0
    assert heard.segments and alike("opening hours", heard.segments[0].text)


def test_silence_is_no_words(models: openai.OpenAI) -> None:
    heard = models.audio.transcriptions.create(model="whisper-tiny.en", file=("a.wav", as_wav(b"\0" * 96_000)))
    assert heard.text == ""


def test_several_are_heard_at_once(models: openai.OpenAI) -> None:
    texts = ["Do you deliver to Berlin?", "Can I speak to a human?", QUESTION, "How much does it cost?"]
    sounds = [as_wav(speak(models, text, "pcm")) for text in texts]
    heard: dict[str, str] = {}

    def hear(text: str, wav: bytes) -> None:
        heard[text] = models.audio.transcriptions.create(model="whisper-tiny.en", file=("a.wav", wav)).text

    threads = [threading.Thread(target=hear, args=pair) for pair in zip(texts, sounds, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == len(texts)
    for text, said in heard.items():
        assert alike(text, said), said


def test_a_chat_is_streamed_with_its_usage(models: openai.OpenAI) -> None:
    messages = [
        {
            "role": "system",
            "content": "You answer the phone at Acme.\nQuestion: When are you open? Answer: We are open from nine to five.",
        },
        {"role": "user", "content": "When are you open?"},
    ]
    chunks = list(
        models.chat.completions.create(
            model="smollm2-135m",
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},  # type: ignore[arg-type]
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("We are open from")
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.prompt_tokens > 20
    assert 0 < usage.completion_tokens <= 60


def test_a_whole_answer_is_one_sentence(models: openai.OpenAI) -> None:
    answer = models.chat.completions.create(
        model="smollm2-135m", messages=[{"role": "user", "content": "Tell me a long story about a cat."}]
    )
    text = answer.choices[0].message.content or ""
    assert text
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 60
    assert "\n" not in text


def test_offered_tools_do_not_stop_the_conversation(models: openai.OpenAI) -> None:
    tool = {"type": "function", "function": {"name": "end_call", "parameters": {"type": "object", "properties": {}}}}
    messages = [
        {"role": "user", "content": "Hello"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "x", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "done"},
    ]
    answer = models.chat.completions.create(model="smollm2-135m", messages=messages, tools=[tool])  # type: ignore[call-overload]
    assert answer.choices[0].message.content


def test_an_abandoned_answer_frees_the_model(base_url: str) -> None:
    headers = {"authorization": "Bearer local"}
    body = {
        "model": "smollm2-135m",
        "stream": True,
        "max_tokens": 256,
        "response_format": {"type": "text"},
        "messages": [{"role": "user", "content": "Count from one to one thousand."}],
    }
    for _ in range(24):  # more than work and wait at once
        with httpx.stream(
            "POST", f"{base_url}/chat/completions", json=body, headers=headers, timeout=60, trust_env=False
        ) as answer:
            assert answer.status_code == 200
            next(answer.iter_raw())


def test_the_next_question_after_a_dropped_one_reads_only_what_is_new(base_url: str) -> None:
    """A caller who goes on speaking drops the answer that was being prepared, and the next one begins at once."""
    opening = [{"role": "system", "content": "You answer for a shop of garden tools, briefly and kindly. " * 12}]

    def read(question: str, lines: int | None = None) -> int:
        body = {"model": "smollm2-135m", "stream": True, "messages": [*opening, {"role": "user", "content": question}]}
        headers = {"Authorization": "Bearer local"}
        with httpx.stream("POST", f"{base_url}/chat/completions", json=body, headers=headers, timeout=60) as answer:
            chunks = (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: {"))
            told = [chunk["timings"]["prompt_n"] for chunk in itertools.islice(chunks, lines) if chunk.get("timings")]
        return int(told[-1]) if told else 0

    whole = read("Do you have a long ladder?")
    for number in range(6):
        read(f"Is there a story about ladder {number}? Tell me all of it, please.", lines=2)
        assert read(f"Do you have {number} ladders?") < whole / 3


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("chat/completions", {"model": "gpt-4o", "messages": []}, 404, "smollm2-135m"),
        ("chat/completions", {"model": "smollm2-135m", "messages": []}, 400, "at least one message"),
        (
            "chat/completions",
            {"model": "smollm2-135m", "messages": [{"role": "user", "content": "a"}], "n": 2},
            400,
            "leave out n",
        ),
        (
            "chat/completions",
            {"model": "smollm2-135m", "messages": [{"role": "user", "content": "a "}], "tool_choice": "required"},
            400,
            "tools",
        ),
        (
            "chat/completions",
            {"model": "smollm2-135m", "messages": [{"role": "user", "content": "word " * 6000}]},
            400,
            "context",
        ),
        (
            "chat/completions",
            {
                "model": "smollm2-135m",
                "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            },
            400,
            "text only",
        ),
        ("audio/speech", {"model": "piper", "voice": "alloy", "input": "Hi"}, 400, "'joe'"),
        ("audio/speech", {"model": "piper", "voice": "joe", "input": "Hi", "response_format": "flac"}, 400, "pcm, wav, mp3"),
        ("audio/speech", {"model": "piper", "voice": "joe", "input": "  "}, 400, "must not be empty"),
        ("audio/speech", {"model": "piper", "voice": "joe", "input": "Hi", "speed": 9}, 400, "0.25 to 4"),
        ("embeddings", {"model": "x", "input": "y"}, 404, "this server has 'all-minilm-l6-v2'"),
    ],
)
def test_what_is_not_supported_is_said(base_url: str, path: str, body: dict[str, object], status: int, words: str) -> None:
    headers = {"authorization": "Bearer local"}
    answer = httpx.post(f"{base_url}/{path}", json=body, headers=headers, timeout=60, trust_env=False)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_other_languages_and_other_files_are_refused(models: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="English only"):
        models.audio.transcriptions.create(model="whisper-tiny.en", file=("a.wav", as_wav(b"\0" * 9600)), language="de")
    with pytest.raises(openai.BadRequestError, match="not audio"):
        models.audio.transcriptions.create(model="whisper-tiny.en", file=("a.wav", b"no sound at all"))


def test_a_wrong_key_is_refused_everywhere(base_url: str) -> None:
    for method, path in (
        ("GET", "models"),
        ("POST", "chat/completions"),
        ("POST", "audio/speech"),
        ("POST", "audio/transcriptions"),
    ):
        answer = httpx.request(
            method, f"{base_url}/{path}", headers={"authorization": "Bearer other"}, timeout=10, trust_env=False
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


def test_the_models_are_listed(models: openai.OpenAI) -> None:
    assert {model.id for model in models.models.list()} == {"whisper-tiny.en", "smollm2-135m", "piper", "all-minilm-l6-v2"}
