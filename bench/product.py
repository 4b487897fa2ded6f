"""The product as the benches run it: the whole stack, or only its web side, each in a data folder that goes with it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from embedded.paths import CHECKOUT, scratch_dir
from embedded.ports import Ports, port_answers, port_free
from embedded.postgres import Postgres
from embedded.process import Process
from embedded.services import python_module
from embedded.stack import Stack
from embedded.valkey import Valkey

STT, FIRST_TOKEN, FIRST_AUDIO = 0.15, 0.20, 0.10  # seconds: the delays of the fixed-delay providers
KEY = "local"
# Seconds both sides wait for the end of a turn: how sure the end-of-turn model is of a scripted voice is not measured.
MAX_ENDPOINTING = 0.3
SURE = """
UPDATE acme.compass_agentversion SET config = jsonb_set(config, '{turn_taking,max_endpointing_delay}', to_jsonb(%s::float))
"""


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """A data folder that is removed at the end; MERIDIAN_BENCH_KEEP=1 keeps it, for its logs.

    From here on SIGTERM ends the bench as Ctrl-C does, so that everything that it started is stopped.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = scratch_dir("meridian-bench-")
    try:
        yield folder
    finally:
        if os.environ.get("MERIDIAN_BENCH_KEEP"):
            sys.stderr.write(f"kept {folder}\n")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def providers(folder: Path) -> Iterator[str]:
    """Speech and language models that take exactly as long as the constants above say; their base URL."""
    port = port_free()
    delays = ["--stt-delay", str(STT), "--first-token", str(FIRST_TOKEN), "--first-audio", str(FIRST_AUDIO)]
    command = [sys.executable, "-m", "tests.standins.openai", "--port", str(port), *delays]
    with Process("providers", command, log_path=folder / "logs" / "providers.log", cwd=CHECKOUT) as process:
        process.wait_ready(lambda: port_answers(port), 30)
        yield f"http://127.0.0.1:{port}/v1"


@contextlib.contextmanager
def product(folder: Path, base_url: str | None = None, **env: str) -> Iterator[Stack]:
    """The whole running stack, with the local models or with those at `base_url`."""
    given = {"CALL_PAGE_RATE": "10000/min", **env}
    if base_url:
        given |= {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": KEY}
    with Stack(folder, given, ports=Ports.free()) as stack:
        if base_url:
            with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
                connection.execute(SURE, [MAX_ENDPOINTING])
        yield stack


@dataclass(frozen=True)
class Ticket:
    """A caller's way into its room, as POST /api/v1/calls/token answers it."""

    server_url: str
    participant_token: str
    room_name: str
    call_id: str


async def call_begin(stack: Stack, agent: str = "reception", tenant: str = "acme") -> Ticket:
    """Begins a call as the public call page does."""
    port = stack.ports.web
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        url, host = f"http://127.0.0.1:{port}/api/v1/calls/token", {"Host": f"{tenant}.localhost:{port}"}
        answer = await client.post(url, json={"agent": agent}, headers=host)
    answer.raise_for_status()
    return Ticket(**answer.json())


def rows(database_url: str, query: str, *values: object) -> list[tuple[object, ...]]:
    """What a query finds in the product's database."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(query.encode(), values).fetchall()


@dataclass(frozen=True)
class WebSide:
    """Postgres, Valkey and the web process alone."""

    port: int
    env: dict[str, str]
    database_url: str
    web: Process

    def python(self, code: str) -> str:
        """What `code` prints, run inside Django."""
        program = f"import django; django.setup()\n{code}"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            env=self.env,
            cwd=CHECKOUT,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip().splitlines()[-1]


@contextlib.contextmanager
def web_side(folder: Path, *, seed: bool = True) -> Iterator[WebSide]:
    """The web process as the stack starts it, on a fresh, migrated and seeded database."""
    port, postgres_port, valkey_port = port_free(), port_free(), port_free()
    with Postgres(folder, postgres_port) as postgres, Valkey(folder, valkey_port) as valkey:
        env = {**os.environ, **web_environment(folder, port), "DATABASE_URL": postgres.url, "REDIS_URL": valkey.url}
        prepare = [sys.executable, "-W", "ignore", "-m", "embedded.prepare", *(["--seed"] if seed else [])]
        subprocess.run(prepare, env=env, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
        command = [*python_module("granian"), "--interface", "wsgi", "--port", str(port), "--blocking-threads", "8", "--no-ws"]
        log = folder / "logs" / "web.log"
        with Process("web", [*command, "config.wsgi:application"], log_path=log, env=env, cwd=CHECKOUT) as web:
            web.wait_ready(lambda: _ready(port), 60)
            yield WebSide(port, env, postgres.url, web)


def _ready(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2, trust_env=False).status_code == 200
    return False


def web_environment(folder: Path, port: int) -> Mapping[str, str]:
    """The settings of a product that a bench starts by itself."""
    return {
        "MERIDIAN_ENV_FILES": "off",
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "SECRET_KEY": "bench" * 12,
        "FIELD_KEYS": "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=",
        "PUBLIC_URL": f"http://localhost:{port}",
        "STATIC_ROOT": str(folder / "static"),
        "MEDIA_ROOT": str(folder / "media"),
        "LIVEKIT_URL": "ws://127.0.0.1:1",
        "LIVEKIT_API_KEY": "bench",
        "LIVEKIT_API_SECRET": "bench-secret-of-at-least-32-characters",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
        "PYTHONWARNINGS": "ignore",
    }


def json_of(value: object) -> dict[str, object]:
    """A JSON column, whichever way the driver gives it."""
    found = json.loads(value) if isinstance(value, str) else value
    assert isinstance(found, dict)
    return found
