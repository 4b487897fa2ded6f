"""`python -m agents_worker` as a process, with its log."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.agents_worker.room_side import API_KEY, API_SECRET, LiveKit

ROOT = Path(__file__).parents[2]


class Worker:
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

    def count(self, text: str) -> int:
        return sum(text in line for line in self.lines)

    async def logged(self, text: str, times: int = 1, timeout: float = 90.0) -> None:
        """Until the log has said something so often. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while self.count(text) < times:
                self._changed.clear()
                await self._changed.wait()

    def terminate(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)

    async def ended(self, timeout: float = 40.0) -> int:
        """The exit status, waited for."""
        async with asyncio.timeout(timeout):
            status = await self.process.wait()
            await self._reading
        return status

    async def stop(self) -> None:
        """End it at once: the first signal drains, the second does not wait."""
        try:
            for _ in range(2):
                self.terminate()
                await asyncio.sleep(0.2)
            await self.ended()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def worker_start(livekit: LiveKit, *arguments: str, **environ: str) -> Worker:
    """Start one worker or both; registered at LiveKit when this returns."""
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
    try:
        await worker.logged("registered worker", 1 if arguments else 2)
    except TimeoutError:
        await worker.stop()
        raise
    return worker
