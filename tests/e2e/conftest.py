"""One running Meridian for every test of this folder: real parts, scripted language models, and no process left behind."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from embedded.environment import surroundings
from embedded.models import API_KEY, SPEECH_MODEL, VOICE
from embedded.paths import scratch_dir
from embedded.ports import Ports
from embedded.services import models_service
from embedded.stack import Stack
from tests.e2e.models import Models
from tests.e2e.world import QUESTION, Office, World, family

TROUBLE = re.compile(r"warning|error|exception|Traceback|CRITICAL", re.IGNORECASE)
COMPLAINTS = 12  # of each log


@pytest.fixture(autouse=True)
def _clean_surroundings() -> None:
    """The suite's own database is not used here."""


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    before, failed = family(), request.session.testsfailed
    folder, ports = scratch_dir("meridian-e2e-"), Ports.free()
    local = models_service(folder, ports.models, surroundings())
    with local.process:
        async with Models(local.result, api_key=API_KEY) as models:
            stack = Stack(folder, _given(models), ports=ports)
            try:
                await asyncio.to_thread(stack.start)
                await asyncio.to_thread(local.wait_ready)
                async with Office(stack.env, folder / "logs" / "office.log") as office:
                    yield World(stack, office, models, await models.speak(QUESTION))
                assert models.problems == []
            finally:
                ours = family() - before
                await asyncio.to_thread(stack.stop)
    assert psutil.wait_procs(ours, timeout=10)[1] == [], "processes were left behind"
    if request.session.testsfailed > failed:
        print(f"The logs of the stack are in {folder / 'logs'}. They complain of:", *_complaints(folder / "logs"), sep="\n")
    else:
        shutil.rmtree(folder)


def _complaints(logs: Path) -> list[str]:
    """The last lines of each log that tell of trouble, for whoever has this output and not the machine."""
    found = []
    for log in sorted(logs.glob("*.log")):
        lines = [line for line in log.read_text(errors="replace").splitlines() if TROUBLE.search(line)]
        found += [f"{log.stem}: {line[:400]}" for line in lines[-COMPLAINTS:]]
    return found


def _given(models: Models) -> dict[str, str]:
    """What the stack gets from outside."""
    return {
        "OPENAI_API_KEY": API_KEY,
        "OPENAI_BASE_URL": models.base_url,
        "MERIDIAN_TTS_MODEL": SPEECH_MODEL,
        "MERIDIAN_TTS_VOICE": VOICE,
        "MERIDIAN_IDLE_PROCESSES": "2",
        "TOOL_ALLOWED_NETWORKS": "127.0.0.1/32",
        "CALL_PAGE_RATE": "1000/min",
        **{name: os.environ[name] for name in ("MERIDIAN_LIVEKIT_SIP",) if os.environ.get(name)},
    }
