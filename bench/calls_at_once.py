"""Calls at once on this machine: callers arrive one a second and go on asking, beside the bare agent with its defaults.

`python -m bench.calls_at_once [calls]`. Providers with fixed delays; the callers run on the same cores. The bare agent has a
livekit-server with default settings and its own worker's defaults, as the product has its own.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.bare_side import Bare, Server, bare_worker
from bench.caller import Caller, Turn, turn
from bench.figures import ms, percentile
from bench.product import call_begin, data_folder, product, providers
from bench.sound import question
from bench.table import show
from embedded.livekit import Livekit
from embedded.ports import ports_free
from embedded.stack import Stack
from embedded.valkey import Valkey

ALONE_TURNS = 6
TALK_SECONDS = 40.0  # that each caller goes on asking, so that all are there together for a while
ANSWER_SECONDS = 20.0
KEY, SECRET = "bench", "bench-secret-of-at-least-32-characters"

Enter = Callable[[], contextlib.AbstractAsyncContextManager[Caller]]


@dataclass
class Crowd:
    """What the callers of one side found; seconds. `alone` are the turns of a single call."""

    alone: list[float] = field(default_factory=list)
    words: list[float] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    unanswered: int = 0
    silent_turns: int = 0
    running: int = 0

    @property
    def most(self) -> int:
        """How many calls were held at the same time, at most."""
        return max((one.running for one in self.turns), default=0)


async def alone(enter: Enter, crowd: Crowd) -> None:
    """One call by itself: what a turn takes on this side without neighbours."""
    async with enter() as caller:
        await caller.agent_heard(0.0, 40.0)
        await caller.agent_quiet(0.7, 20.0)
        turns = [await turn(caller, question()) for _ in range(ALONE_TURNS)]
    crowd.alone = [one.seconds for one in turns if one is not None]


async def talk(enter: Enter, crowd: Crowd, delay: float, until: float) -> None:
    """One caller of the crowd: arrives after `delay` seconds and asks until the loop's time is `until`."""
    await asyncio.sleep(delay)
    async with enter() as caller:
        word = await caller.agent_heard(0.0, ANSWER_SECONDS)
        if word is None:
            crowd.unanswered += 1
            return
        crowd.words.append(word - caller.connected_at)
        crowd.running += 1
        try:
            await caller.agent_quiet(0.7, 20.0)
            await _ask_on(caller, crowd, until)
        finally:
            crowd.running -= 1


async def _ask_on(caller: Caller, crowd: Crowd, until: float) -> None:
    while asyncio.get_running_loop().time() < until:
        one = await turn(caller, question(), running=lambda: crowd.running)
        if one is None:
            crowd.silent_turns += 1
        else:
            crowd.turns.append(one)


async def gather(enter: Enter, count: int) -> Crowd:
    """First one caller, then `count`, one a second."""
    crowd = Crowd()
    await alone(enter, crowd)
    await asyncio.sleep(5.0)
    until = asyncio.get_running_loop().time() + count + TALK_SECONDS
    await asyncio.gather(*(talk(enter, crowd, float(n), until) for n in range(count)))
    return crowd


def entering_product(stack: Stack) -> Enter:
    """How a caller comes to Reception."""

    @contextlib.asynccontextmanager
    async def enter() -> AsyncIterator[Caller]:
        ticket = await call_begin(stack)
        async with Caller(ticket.server_url, ticket.participant_token) as caller:
            yield caller

    return enter


def entering_bare(bare: Bare) -> Enter:
    """How a caller comes to the bare agent."""

    @contextlib.asynccontextmanager
    async def enter() -> AsyncIterator[Caller]:
        room, token = await bare.call_begin()
        async with Caller(bare.server.url, token) as caller:
            await bare.dispatch(room)
            yield caller

    return enter


class PlainLivekit(Livekit):
    """livekit-server as it comes: also its target for the load of workers is the default."""

    def _settings(self) -> dict[str, Any]:
        return {name: value for name, value in super()._settings().items() if name not in ("agents", "webhook")}


@contextlib.contextmanager
def plain_server(folder: Path) -> Iterator[Server]:
    """A livekit-server for the bare agent, with a Valkey of its own."""
    redis_port, port, tcp, udp = ports_free(4)
    with Valkey(folder, redis_port) as valkey:
        livekit = PlainLivekit(
            folder, port, tcp_port=tcp, udp_port=udp, redis_url=valkey.url, api_key=KEY, api_secret=SECRET, webhook_urls=[]
        )
        with livekit:
            yield Server(livekit.url, KEY, SECRET)


def row(name: str, crowd: Crowd, count: int) -> list[object]:
    """Of the table; the crowd's turns are those asked while all answered calls were there."""
    full = [one.seconds for one in crowd.turns if one.running >= crowd.most]
    before, after = percentile(crowd.alone, 50), percentile(full, 50)
    return [
        name,
        f"{count - crowd.unanswered} of {count}",
        *(ms(percentile(crowd.words, p)) for p in (50, 95)),
        ms(before),
        f"{ms(after)} ({crowd.most} calls, {len(full)} turns)",
        ms(percentile(full, 95)),
        "-" if after != after else f"{(after / before - 1) * 100:+.0f} %",
        crowd.silent_turns,
    ]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    question()
    with data_folder() as folder, providers(folder) as base_url, product(folder, base_url) as stack:
        ours = asyncio.run(gather(entering_product(stack), count))
    with contextlib.ExitStack() as parts:
        folder = parts.enter_context(data_folder())
        base_url = parts.enter_context(providers(folder))
        server = parts.enter_context(plain_server(folder))
        bare = parts.enter_context(bare_worker(folder, server, base_url))
        bares = asyncio.run(gather(entering_bare(bare), count))
    head = [
        "side",
        "answered",
        "first word p50 ms",
        "p95",
        "turn alone p50",
        "turn with all p50",
        "p95",
        "drift",
        "turns unheard",
    ]
    show(f"{count} calls, arriving one a second", head, [row("the product", ours, count), row("bare agent", bares, count)])


if __name__ == "__main__":
    main()
