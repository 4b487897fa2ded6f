"""The Agent Desktop's fan-out: one realtime process, many sockets, and how long a hint takes from its commit to each of them.

`python -m bench.desktop_fanout [sockets] [seconds]`. The sockets are in a second process, the publisher in a third; all of them
listen to the lists of one tenant. Postgres and Valkey are real.
"""

import asyncio
import json
import multiprocessing
import subprocess
import sys
import time
from multiprocessing.connection import Connection

import websockets

from bench.figures import ms, percentile
from bench.product import WebSide, data_folder, web_side
from bench.table import show
from embedded.paths import CHECKOUT
from embedded.ports import port_answers, port_free
from embedded.process import Process
from embedded.services import BIN

EVENTS = 10  # a second
SESSION = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from apps.tenants.models import User
user = User.objects.get(email="bob@acme.test")
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
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


async def _open(port: int, key: str, gate: asyncio.Semaphore) -> websockets.ClientConnection:
    async with gate:
        socket = await websockets.connect(
            f"ws://acme.localhost:{port}/ws/desktop/",
            host="127.0.0.1",
            origin=f"http://acme.localhost:{port}",  # type: ignore[arg-type]
            additional_headers={"Cookie": f"sessionid={key}"},
            open_timeout=60,
        )
        await socket.send(json.dumps({"subscribe": ["desk"]}))
        await socket.recv()
        return socket


async def _listen(socket: websockets.ClientConnection, late: list[float]) -> None:
    async for message in socket:
        late.append(time.time() - float(json.loads(message)["version"]))


async def _listen_all(port: int, key: str, count: int, pipe: Connection) -> list[float]:
    """Opens every socket, says so, and listens until it is told to stop."""
    late: list[float] = []
    gate = asyncio.Semaphore(20)
    sockets = await asyncio.gather(*(_open(port, key, gate) for _ in range(count)))
    tasks = [asyncio.create_task(_listen(socket, late)) for socket in sockets]
    pipe.send("ready")
    await asyncio.to_thread(pipe.recv)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return late


def _crowd(port: int, key: str, count: int, pipe: Connection) -> None:
    """The second process."""
    pipe.send(asyncio.run(_listen_all(port, key, count, pipe)))


def publish(side: WebSide, count: int) -> None:
    """The third process: hints at a steady rate."""
    program = PUBLISH.format(count=count, rate=EVENTS)
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], env=side.env, cwd=CHECKOUT, check=True)


def measure(side: WebSide, port: int, sockets: int, seconds: int) -> list[float]:
    """The seconds that each hint took to each socket."""
    here, there = multiprocessing.Pipe()
    crowd = multiprocessing.Process(target=_crowd, args=(port, side.python(SESSION), sockets, there), daemon=True)
    crowd.start()
    if not here.poll(120) or here.recv() != "ready":
        raise SystemExit("The sockets did not open within two minutes.")
    publish(side, seconds * EVENTS)
    here.send("stop")
    late: list[float] = here.recv()
    crowd.join(10)
    return late


def main() -> None:
    sockets, seconds = (int(value) for value in (sys.argv[1:] + ["500", "20"][len(sys.argv) - 1 :]))
    with data_folder() as folder, web_side(folder) as side:
        port = port_free()
        command = [str(BIN / "uvicorn"), "--port", str(port), "--log-level", "warning", "config.asgi:application"]
        with Process("realtime", command, log_path=folder / "logs" / "realtime.log", env=side.env, cwd=CHECKOUT) as realtime:
            realtime.wait_ready(lambda: port_answers(port), 60)
            late = measure(side, port, sockets, seconds)
    heard = f"{len(late):,} of {sockets * seconds * EVENTS:,}"
    row = [sockets, EVENTS, heard, ms(percentile(late, 50)), ms(percentile(late, 99)), ms(max(late))]
    show("Agent Desktop fan-out", ["sockets", "events/s", "hints heard", "p50 ms", "p99 ms", "slowest ms"], [row])


if __name__ == "__main__":
    main()
