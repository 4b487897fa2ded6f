"""What every stand-in shares: an aiohttp server on a free port, and a record of what it saw."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None
    frames: list[Any] = field(default_factory=list)


class Standin:
    """Base of the stand-ins: `async with Standin() as s: s.base_url`.

    `problems` collects what a client did that the real service would refuse; a test asserts
    that it stays empty.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, api_key: str = "local") -> None:
        self.host = host
        self.port = port
        self.api_key = api_key
        self.seen: list[Seen] = []
        self.problems: list[str] = []
        self._runner: web.AppRunner | None = None
        self._changed = asyncio.Event()

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=32 * 1024**2)
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def note(self, request: web.Request, body: Any = None) -> Seen:
        """Remember a request."""
        seen = Seen(
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        self.seen.append(seen)
        self.changed()
        return seen

    def changed(self) -> None:
        """Wake whoever waits for something to be seen."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for(self, condition: Callable[[], bool], timeout: float = 60.0) -> None:
        """Until a condition on what was seen holds. Raises TimeoutError when it does not."""
        async with asyncio.timeout(timeout):
            while not condition():
                await self._changed.wait()

    def requests(self, path: str) -> list[Seen]:
        """What arrived at one path."""
        return [seen for seen in self.seen if seen.path == path]


def standin_main(build: Callable[[argparse.Namespace], Standin], options: dict[str, float]) -> None:
    """Run a stand-in as a process: `--port N --host H --api-key K` and an option for each delay."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key", default="local")
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=float, default=default)
    arguments = parser.parse_args()
    asyncio.run(_serve(build(arguments)))


async def _serve(standin: Standin) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with standin:
        print(standin.base_url, flush=True)
        await stop.wait()
