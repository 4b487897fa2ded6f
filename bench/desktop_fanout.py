"""The Agent Desktop's fan-out: one realtime process, many sockets, and how long a hint takes from its commit to each of them.

`python -m bench.desktop_fanout [sockets] [seconds]`. The sockets are in a second process, the publisher in a third; all of them
listen to the lists of one tenant. Postgres and Valkey are real.
"""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop

from bench.crowd import Socket, socket_open
from bench.figures import ms, percentile
from bench.product import WebSide, data_folder, web_side
from bench.table import show
from embedded.paths import CHECKOUT
from embedded.ports import LOOPBACK, port_answers, port_free
from embedded.process import Process
from embedded.services import realtime_service

EVENTS = 10  # a second
SESSION = """
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from apps.tenants.models import User
user = User.objects.get(email="bob@acme.test")
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session.save()
print(session.session_key)
"""
PUBLISH = """
import django, time
django.setup()
from apps.core.realtime import hint_publish
due = time.monotonic()
for number in range({count}):
    hint_publish("acme", "desk", "message", str(number), str(time.time()))
    due += 1 / {rate}
    time.sleep(max(0.0, due - time.monotonic()))
time.sleep(1)
"""


class Crowd:
    """The sockets of the second process, and how late each hint came to each of them."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key
        self.late: list[float] = []

    async def open(self, count: int) -> list[Socket]:
        gate = asyncio.Semaphore(20)
        return await asyncio.gather(*(self._open(gate) for _ in range(count)))

    async def _open(self, gate: asyncio.Semaphore) -> Socket:
        subscribed = asyncio.Event()

        def heard(text: bytes, now: float) -> None:
            version = text.partition(b'"version":"')[2]
            if version:
                self.late.append(now - float(version.partition(b'"')[0]))
            else:
                subscribed.set()

        async with gate, asyncio.timeout(60):
            socket = await socket_open(self.port, "acme.localhost", "/ws/desktop/", f"sessionid={self.key}", heard)
            socket.say('{"subscribe": ["desk"]}')
            await subscribed.wait()
            return socket


async def _listen_all(port: int, key: str, count: int, pipe: Connection) -> tuple[list[float], float]:
    """Opens every socket, says so, and listens until it is told to stop; the lateness, and the CPU seconds it took."""
    crowd = Crowd(port, key)
    sockets = await crowd.open(count)
    pipe.send("ready")
    began = time.process_time()
    await asyncio.to_thread(pipe.recv)
    spent = time.process_time() - began
    lost = sum(socket.closed for socket in sockets)
    if lost:
        raise SystemExit(f"The server closed {lost} sockets.")
    return crowd.late, spent


def _crowd(port: int, key: str, count: int, pipe: Connection) -> None:
    """The second process."""
    uvloop.install()
    pipe.send(asyncio.run(_listen_all(port, key, count, pipe)))


def _cpu_seconds(process: Process) -> float:
    """The processor time of a process so far: utime and stime of /proc/PID/stat."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def publish(side: WebSide, count: int) -> None:
    """The third process: hints at a steady rate."""
    program = PUBLISH.format(count=count, rate=EVENTS)
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], env=side.env, cwd=CHECKOUT, check=True)


@dataclass(frozen=True)
class Result:
    """The seconds that each hint took to each socket, and the CPU seconds of either side."""

    late: list[float]
    server: float
    crowd: float


def measure(side: WebSide, realtime: Process, port: int, sockets: int, seconds: int) -> Result:
    here, there = multiprocessing.Pipe()
    crowd = multiprocessing.Process(target=_crowd, args=(port, side.python(SESSION), sockets, there), daemon=True)
    crowd.start()
    if not here.poll(120) or here.recv() != "ready":
        raise SystemExit("The sockets did not open within two minutes.")
    began = _cpu_seconds(realtime)
    publish(side, seconds * EVENTS)
    spent = _cpu_seconds(realtime) - began
    here.send("stop")
    late, crowd_spent = here.recv()
    crowd.join(10)
    return Result(late, spent, crowd_spent)


def main() -> None:
    sockets, seconds = (int(value) for value in (sys.argv[1:] + ["500", "20"][len(sys.argv) - 1 :]))
    with data_folder() as folder, web_side(folder) as side:
        port = port_free()
        realtime = realtime_service(folder, port, LOOPBACK, side.env).process
        with realtime:
            realtime.wait_ready(lambda: port_answers(port), 60)
            result = measure(side, realtime, port, sockets, seconds)
    late, heard = result.late, max(1, len(result.late))
    row: list[object] = [sockets, EVENTS, f"{len(late):,} of {sockets * seconds * EVENTS:,}"]
    row += [ms(percentile(late, 50)), ms(percentile(late, 99)), ms(max(late))]
    row += [f"{spent / heard * 1e6:.0f}" for spent in (result.server, result.crowd)]
    heads = ["sockets", "events/s", "hints heard", "p50 ms", "p99 ms", "slowest ms", "server CPU us/hint", "client CPU us/hint"]
    show("Agent Desktop fan-out", heads, [row])


if __name__ == "__main__":
    main()
