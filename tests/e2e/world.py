"""The running stack as a test sees it: agents to make, calls to place, records to read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
from livekit import api, rtc

from embedded.environment import surroundings
from embedded.paths import CHECKOUT
from embedded.stack import Stack
from tests.e2e.caller import RATE, Caller, sip_caller
from tests.e2e.models import MARK, Brain, Models
from tests.e2e.waiting import until

QUESTION = "What are your opening hours?"
ENDED = ("completed", "failed", "missed")
ASK_AGAIN = 25.0
ANSWER_SECONDS = 120.0  # the first one waits for Django to be imported, on a machine that does everything else too
LONGEST_LINE = 16 * 2**20
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to read all of them takes longer than most questions


def http_client(**options: Any) -> httpx.AsyncClient:
    """A client for addresses of this machine, patient, and quick to make."""
    return httpx.AsyncClient(trust_env=False, timeout=20, verify=NO_CERTIFICATES, **options)


class Office:
    """The process of tests.e2e.office; `await office.ask("call", tenant=…, call_id=…)`."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self._env = surroundings() | dict(env) | {"MERIDIAN_ENV_FILES": "off"}
        self._log = log
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-W", "ignore", "-m", "tests.e2e.office"),
                cwd=CHECKOUT,
                env=self._env,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LONGEST_LINE,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 20)

    async def ask(self, do: str, **arguments: Any) -> Any:
        """What the office answers. Fails with its sentence when it refuses."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._lock:
            self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            try:
                line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_SECONDS)
            except TimeoutError:
                self._process.kill()  # a late answer would be taken for that to the next question
                raise
        assert line, f"the office ended: {self._log.read_text()[-2000:]}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["ok"]


class World:
    """One stack for the whole suite, with scripted models."""

    def __init__(self, stack: Stack, office: Office, models: Models, question: bytes) -> None:
        self.stack = stack
        self.office = office
        self.models = models
        self.question = question

    async def agent(
        self,
        slug: str,
        brain: Brain | None = None,
        *,
        tenant: str = "acme",
        hears: str = QUESTION,
        publish: bool = True,
        **config: Any,
    ) -> str:
        """Make an agent that thinks with `brain` and, unless `stt` is given, hears `hears` whatever is said; its id."""
        if brain is not None:
            self.models.brains[slug] = brain
        greeting = config.pop("greeting", f"This is {slug}.")
        parts = {
            "prompt": {"system": f"{MARK}{slug}. Answer briefly.", "greeting": greeting},
            "stt": {"provider": "openai", "model": "whisper-1", "options": {"prompt": hears}},
            "llm": {"provider": "openai", "model": "gpt-4o-mini"},
            "tts": {"provider": "openai", "model": "tts-1", "voice": "alloy"},
        }
        return str(await self.office.ask("agent", tenant=tenant, slug=slug, config=parts | config, publish=publish))

    async def token(self, slug: str, tenant: str = "acme") -> httpx.Response:
        """POST /api/v1/calls/token on the tenant's host, as anybody may."""
        return await self.http("POST", "/api/v1/calls/token", tenant=tenant, json={"agent": slug})

    async def caller(self, slug: str, tenant: str = "acme") -> Caller:
        """Somebody who is about to call an agent from a browser."""
        answer = await self.token(slug, tenant)
        assert answer.status_code == 201, answer.text
        ticket = answer.json()
        return Caller(ticket["server_url"], ticket["participant_token"], call_id=ticket["call_id"], room_name=ticket["room_name"])

    def phone(self, trunk_id: str, number: str, tenant: str = "acme") -> Caller:
        """Somebody who is about to call a number by phone."""
        return sip_caller(self.stack.env, tenant=tenant, trunk_id=trunk_id, number=number)

    async def http(self, method: str, path: str, *, tenant: str = "", **options: Any) -> httpx.Response:
        """A request to the tenant's host, or to the public one."""
        port = self.stack.ports.web
        headers = options.pop("headers", {}) | {"Host": f"{tenant}{'.' if tenant else ''}localhost:{port}"}
        async with http_client() as client:
            return await client.request(method, f"http://127.0.0.1:{port}{path}", headers=headers, **options)

    async def record(self, caller: Caller, tenant: str = "acme") -> Any:
        """What is recorded about a call; None while there is nothing."""
        which = {"call_id": caller.call_id} if caller.call_id else {"room": caller.room_name}
        return await self.office.ask("call", tenant=tenant, **which)

    async def recorded(self, caller: Caller, what: str, check: Any, tenant: str = "acme") -> Any:
        """The record of a call once `check` of it holds. Fails with what was recorded instead."""
        found = None

        async def look() -> Any:
            nonlocal found
            found = await self.record(caller, tenant)
            return found if found and check(found) else None

        try:
            return await until(look, what)
        except AssertionError as error:
            error.add_note(f"recorded was: {found}")
            raise

    async def greeted(self, caller: Caller) -> None:
        """Wait until the agent has said its greeting."""
        await until(lambda: caller.heard("atlas") > 0.2 and caller.quiet("atlas"), "the greeting")

    async def answered(self, caller: Caller, text: str, tenant: str = "acme", question: bytes = b"") -> Any:
        """Ask, and again when nothing comes, as people do; the record once the agent has said `text`."""

        async def look() -> Any:
            record = await self.record(caller, tenant)
            return record if record and text in said(record, "agent") else None

        for _ in range(2):
            await caller.say(question or self.question)
            with contextlib.suppress(AssertionError):
                return await until(look, text, patience=ASK_AGAIN)
        await caller.say(question or self.question)
        return await until(look, f"the agent says “{text}”")

    async def ended(self, caller: Caller, tenant: str = "acme") -> Any:
        """The record of a call once it is over."""
        return await self.recorded(caller, "the end of the call", lambda r: r["state"] in ENDED, tenant)

    async def billed(self, caller: Caller, tenant: str = "acme") -> Any:
        """The record of a call once it is over and in the ledger."""
        return await self.recorded(caller, "the ledger entry", lambda r: r["state"] in ENDED and r["ledger"], tenant)

    async def dispatch_token(self, caller: Caller) -> str:
        """The call token that Atlas was given for a call."""
        env = self.stack.env
        async with api.LiveKitAPI(env["LIVEKIT_URL"], env["LIVEKIT_API_KEY"], env["LIVEKIT_API_SECRET"]) as livekit:
            asked = await livekit.agent_dispatch.list_dispatch(caller.room_name)
        return str(next(json.loads(d.metadata)["token"] for d in asked if d.agent_name == "atlas"))

    @asynccontextmanager
    async def without(self, process: str) -> AsyncIterator[None]:
        """A time in which one of the stack's processes is killed; it is ready again afterwards."""
        os.killpg(self.stack.process(process).pid, signal.SIGKILL)
        await asyncio.to_thread(self.stack.process(process).stop)
        try:
            yield
        finally:
            await asyncio.to_thread(self.stack.restart, process)

    @asynccontextmanager
    async def asleep(self, process: str) -> AsyncIterator[None]:
        """A time in which one of the stack's processes is there and does nothing."""
        pid = self.stack.process(process).pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def atlas_jobs(self) -> list[psutil.Process]:
        """The processes of Atlas that hold a call: those that are connected to something."""
        family = psutil.Process(self.stack.process("atlas").pid).children(recursive=True)
        return [process for process in family if _connected(process)]

    async def recognise(self, pcm: bytes) -> str:
        """What Whisper hears in 24 kHz mono PCM, in lower case."""
        frame = rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2)
        return await self.models.recognise(bytes(frame.to_wav_bytes()))


def _connected(process: psutil.Process) -> bool:
    try:
        return any(c.status == psutil.CONN_ESTABLISHED for c in process.net_connections(kind="tcp"))
    except psutil.NoSuchProcess:
        return False


def said(record: Any, speaker: str) -> str:
    """Everything that one side said in a call."""
    return " ".join(item["text"] for item in record["said"] if item["speaker"] == speaker)


def events(record: Any, kind: str, system: str = "") -> list[Any]:
    """A call's events of one type, of `atlas` or `media-bot` when named."""
    return [e for e in record["events"] if e["type"] == kind and e["source"].partition(".")[0] in (system or e["source"], system)]


def family() -> set[psutil.Process]:
    """Every process below this one."""
    return set(psutil.Process(os.getpid()).children(recursive=True))
