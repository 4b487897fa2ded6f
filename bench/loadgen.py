"""A small HTTP/1.1 load generator: prepared requests over keep-alive connections, every latency kept."""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Build = Callable[[int], list[bytes]]


@dataclass
class Result:
    """Latencies in seconds, the wall time of the run in seconds, and answers by status."""

    latencies: list[float] = field(default_factory=list)
    wall: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.wall if self.wall else 0.0

    def percentile(self, p: float) -> float:
        """The latency in milliseconds below which `p` percent of the answers lie."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] * 1000 if ordered else 0.0


def request(method: str, path: str, host: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """One request as bytes, ready to be written."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        f"Content-Length: {len(body)}",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _connection(host: str, port: int, requests: Iterable[bytes], result: Result, first: float, every: float) -> None:
    """Without `every`, one request after the other; else at fixed times, from which a late one's latency counts too."""
    reader, writer = await asyncio.open_connection(host, port)
    due = time.perf_counter() + first
    for raw in requests:
        if every:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        began = due if every else time.perf_counter()
        due += every
        writer.write(raw)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        await reader.readexactly(_length(head))
        result.latencies.append(time.perf_counter() - began)
        status = int(head[9:12])
        result.statuses[status] = result.statuses.get(status, 0) + 1
    writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def _run(host: str, port: int, batches: list[list[bytes]], rate: float) -> Result:
    result = Result()
    began = time.perf_counter()
    step = 1 / rate if rate else 0.0
    every = step * len(batches)
    await asyncio.gather(*(_connection(host, port, batch, result, n * step, every) for n, batch in enumerate(batches)))
    result.wall = time.perf_counter() - began
    return result


def _child(
    queue: "multiprocessing.Queue[Result]", host: str, port: int, build: Build, connections: int, core: int | None, rate: float
) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    batches = [build(number) for number in range(connections)]
    queue.put(asyncio.run(_run(host, port, batches, rate)))


def load(host: str, port: int, build: Build, *, connections: int, core: int | None = None, rate: float = 0.0) -> Result:
    """Sends `build(n)`'s requests over connection n, from a process of its own (pinned to `core`, if given).

    `rate` requests a second over all connections, at fixed times; 0 is as fast as the answers come.
    """
    context = multiprocessing.get_context("fork")
    queue: multiprocessing.Queue[Result] = context.Queue()
    child = context.Process(target=_child, args=(queue, host, port, build, connections, core, rate))
    child.start()
    result = queue.get(timeout=300)
    child.join()
    return result
