"""The worker as a process: capacity, its end, and the end of its children."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from embedded.ports import port_free
from tests.agents_worker.call_side import calling
from tests.agents_worker.room_side import LiveKit
from tests.agents_worker.worker_side import ROOT, worker_start

pytestmark = pytest.mark.e2e


@pytest.fixture
async def livekit() -> AsyncIterator[LiveKit]:
    server = LiveKit()
    await server.start()
    yield server
    await server.stop()


@pytest.mark.slow
async def test_a_call_is_let_to_its_end(livekit: LiveKit, question: bytes) -> None:
    port = port_free()
    worker = await worker_start(livekit, "atlas", MERIDIAN_ATLAS_HEALTH_PORT=str(port))
    try:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 200
        async with calling(livekit) as call:
            await call.dispatch("atlas")
            await call.greeted()
            worker.terminate()
            await worker.logged("draining worker")
            await call.ask(question)
            await call.caller.leave()
            await call.billed()
            assert await worker.ended() == 0
    finally:
        await worker.stop()


@pytest.mark.slow
async def test_a_call_that_outlasts_the_drain_is_left_to_a_successor(livekit: LiveKit) -> None:
    """It neither closes nor bills a call that goes on: whoever takes it over bills the whole."""
    worker = await worker_start(livekit, "atlas", MERIDIAN_DRAIN_SECONDS="1")
    try:
        async with calling(livekit) as call:
            await call.dispatch("atlas")
            await call.greeted()
            worker.terminate()
            await worker.logged("calls were still running when the time to drain was over")
            await worker.ended()
            assert call.web.of_type("usage"), "its successor reads what was used from the events"
            assert (call.ended(), call.web.bills) == (None, [])
    finally:
        await worker.stop()


@pytest.mark.slow
async def test_a_full_worker_takes_no_more(livekit: LiveKit) -> None:
    worker = await worker_start(livekit, "atlas", MERIDIAN_MAX_CALLS="1")
    try:
        async with calling(livekit) as first, calling(livekit) as second:
            await first.dispatch("atlas")
            await worker.logged("received job request")
            await second.dispatch("atlas")  # before livekit-server has been told of the worker's load, else it does not ask
            await worker.logged("full with 1 calls")
            await first.greeted()
            assert second.web.events == []
    finally:
        await worker.stop()


async def test_a_dead_child_ends_the_parent_with_a_sentence(livekit: LiveKit) -> None:
    worker = await worker_start(livekit)
    try:
        children = await _children(worker.process.pid)
        assert len(children) == 2
        os.kill(children[0], signal.SIGKILL)
        assert await worker.ended() != 0
        assert any(re.match(r"agents_worker: (atlas|media-bot) ended with status -9", line) for line in worker.lines)
    finally:
        await worker.stop()


async def test_a_taken_health_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agents_worker", "media-bot"),
            cwd=ROOT,
            env={
                **os.environ,
                "LIVEKIT_URL": "ws://127.0.0.1:9",
                "MERIDIAN_MEDIA_BOT_HEALTH_PORT": str(taken.getsockname()[1]),
            },
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 1
    assert "media-bot stopped: " in errors.decode()
    assert "address already in use" in errors.decode()


async def _children(pid: int) -> list[int]:
    process = await asyncio.create_subprocess_exec("ps", "--ppid", str(pid), "-o", "pid=", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return [int(line) for line in out.split()]
