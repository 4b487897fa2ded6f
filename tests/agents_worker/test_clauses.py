"""The first clause of an answer is spoken while the rest is still being written."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.plugins import elevenlabs

from agents_worker.clauses import FirstClause, spoken_early


def written(text: str) -> Iterator[str]:
    """As a model writes it: word by word."""
    yield from re.findall(r"\s*\S+", text)


async def parts_of(text: str) -> list[str]:
    stream = FirstClause().stream()
    for word in written(text):
        stream.push_text(word)
    stream.end_input()
    return [part.token async for part in stream]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "We are open Monday to Friday, from nine to five. On Sunday, which is when you ask, we are closed.",
            ["We are open Monday to Friday,", "from nine to five.", "On Sunday, which is when you ask, we are closed."],
        ),
        ("We sell tables, chairs and sofas.", ["We sell tables, chairs and sofas."]),
        ("That is 1,000,000.50 euros for all of it.", ["That is 1,000,000.50 euros for all of it."]),
        (
            "Ja, wir liefern auch nach Hause – und zwar innerhalb von fünf Tagen.",
            ["Ja, wir liefern auch nach Hause –", "und zwar innerhalb von fünf Tagen."],
        ),
        (
            "Sure. We can do that for you today: please tell me your name.",
            ["Sure. We can do that for you today:", "please tell me your name."],
        ),
        (
            "Yes, of course we are open on Friday. And on Monday, too, from nine.",
            ["Yes, of course we are open on Friday.", "And on Monday, too, from nine."],
        ),
        (
            "We are open every day of the week. Yes. On Sunday, too, if you come before noon.",
            ["We are open every day of the week.", "Yes. On Sunday, too, if you come before noon."],
        ),
        ("Goodbye!", ["Goodbye!"]),
        ("", []),
    ],
)
async def test_an_answer_is_cut_after_its_first_long_clause_and_its_sentences(text: str, parts: list[str]) -> None:
    assert await parts_of(text) == parts


async def test_the_first_clause_comes_before_the_sentence_is_written() -> None:
    stream = FirstClause().stream()
    for word in written("We are open Monday to Friday, from"):
        stream.push_text(word)
    part = await asyncio.wait_for(anext(stream), 5)
    assert part.token == "We are open Monday to Friday,"
    await stream.aclose()


class Voice(tts.TTS):
    """A voice that takes whole texts: 10 ms of sound for each."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=16000, num_channels=1)
        self.asked: asyncio.Queue[str] = asyncio.Queue()

    def synthesize(self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> tts.ChunkedStream:
        self.asked.put_nowait(text)
        return Sound(tts=self, input_text=text, conn_options=conn_options)


class Sound(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id="one", sample_rate=16000, num_channels=1, mime_type="audio/pcm")
        output_emitter.push(bytes(320))
        output_emitter.flush()


async def test_a_voice_that_takes_whole_texts_is_asked_while_the_answer_is_written() -> None:
    voice = Voice()
    async with spoken_early(voice).stream() as stream:
        for word in written("We are open Monday to Friday, from"):
            stream.push_text(word)
        assert await asyncio.wait_for(voice.asked.get(), 5) == "We are open Monday to Friday,"
        stream.push_text(" nine to five.")
        stream.end_input()
        heard: list[rtc.AudioFrame] = [audio.frame async for audio in stream]
    assert await asyncio.wait_for(voice.asked.get(), 5) == "from nine to five."
    assert sum(frame.samples_per_channel for frame in heard) >= 320


async def test_a_voice_that_takes_words_as_they_come_is_left_alone() -> None:
    voice = elevenlabs.TTS(api_key="key", model="eleven_flash_v2_5")
    assert spoken_early(voice) is voice
