"""Websockets of the realtime application, on an event loop of their own beside the threads of a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import Future
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from channels.testing import WebsocketCommunicator
from django.test import Client

from config.asgi import application

T = TypeVar("T")
PATIENCE = 30.0


class Ear:
    """One socket at the desktop: `hints` is all that it was told; questions are answered in their order."""

    def __init__(self, host: str, session: str) -> None:
        headers = [(b"host", f"{host}:8001".encode()), (b"origin", f"http://{host}:8000".encode())]
        headers.append((b"cookie", f"sessionid={session}".encode()))
        self.hints: list[dict[str, Any]] = []
        self.closed: int | None = None
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._socket = WebsocketCommunicator(application, "/ws/desktop/", headers=headers)
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> Self:
        """Connects; a socket that was refused has its `closed`."""
        await self._socket.connect(timeout=PATIENCE)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def ask(self, kind: str, words: dict[str, Any]) -> dict[str, Any]:
        """Says something and waits for the answer that has `kind` in it. Raises what broke the socket."""
        await self._socket.send_json_to(words)
        async with asyncio.timeout(PATIENCE):
            while kind not in (answer := await self._next()):
                pass
        return answer

    async def say(self, words: dict[str, Any]) -> None:
        """Says something that has no answer."""
        await self._socket.send_json_to(words)

    async def hears(self, type: str) -> None:
        """Waits for a hint of a type."""
        async with asyncio.timeout(PATIENCE):
            while not any(hint["type"] == type for hint in self.hints):
                await asyncio.sleep(0.01)

    async def refused(self) -> int | None:
        """Connects, and waits for the code with which the server closes it."""
        await self.open()
        assert self._listening is not None
        await asyncio.wait_for(self._listening, PATIENCE)
        await self.close()
        return self.closed

    async def close(self) -> None:
        """Goes away."""
        assert self._listening is not None
        self._listening.cancel()
        await self._socket.disconnect(timeout=PATIENCE)

    async def _next(self) -> dict[str, Any]:
        """The next answer, or what the application died of."""
        answer = asyncio.create_task(self._answers.get())
        await asyncio.wait({answer, self._socket.future}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            self._socket.future.result()
            raise AssertionError(f"the socket was closed with {self.closed}")
        return answer.result()

    async def _listen(self) -> None:
        while self.closed is None:
            message = await self._socket.output_queue.get()
            if message["type"] == "websocket.close":
                self.closed = message.get("code", 1000)
                return
            told = json.loads(message["text"])
            if "topic" in told:
                self.hints.append(told)
            else:
                self._answers.put_nowait(told)


class Ears:
    """The loop with the sockets in it: `with Ears() as ears: ears.run(ear.open())`. All of them share one thread for the
    database, as in the realtime process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="ears")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives, from any thread."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(PATIENCE * 2)


def session_of(client: Client) -> str:
    """The session that a client has logged in with."""
    return client.cookies["sessionid"].value
