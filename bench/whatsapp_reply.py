"""A contact's message at the webhook to the answer at Meta, less the model's own time and the pause that ends a burst.

`python -m bench.whatsapp_reply [messages] [rate]`. Web, worker, turns and beat as the stack starts them, on durable Postgres and
Valkey; Meta, the model and the contacts are one other process on the same cores. Contacts exist already, as most do.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import percentile
from bench.product import FIRST_TOKEN, KEY, data_folder, rows, web_environment
from bench.table import show
from bench.whatsapp_outside import Outside, Times
from embedded.paths import CHECKOUT
from embedded.ports import Ports
from embedded.postgres import Postgres
from embedded.process import Process
from embedded.services import services_make
from embedded.valkey import Valkey

NUMBER, SECRET = "1999000001", "bench-app-secret"
CONTACTS = int(os.environ.get("BENCH_CONTACTS", "300"))
WARM_RATE = 10.0
QUIET_SECONDS = 1.2
PARTS = ("web", "worker", "turns", "beat")
MAP = f"""
from django_tenants.utils import schema_context
from apps.compass.selectors import agent_by_slug
from apps.whatsapp.services.numbers import mapping_set
with schema_context("acme"):
    mapping_set(phone_number_id="{NUMBER}", agent_id=agent_by_slug("reception").pk)
print("mapped")
"""
REST = (
    "SELECT state, note, count(*) FROM acme.whatsapp_turn GROUP BY 1, 2",
    "SELECT author, status, error_text, count(*) FROM acme.desktop_message GROUP BY 1, 2, 3",
    "SELECT kind, state, attempts, note, count(*) FROM core_outboundeffect GROUP BY 1, 2, 3, 4",
    "SELECT kind, state, attempts, note, count(*) FROM core_inboundevent GROUP BY 1, 2, 3, 4",
)


@dataclass(frozen=True)
class ChatSide:
    """The product without its telephone."""

    web_port: int
    database_url: str
    processes: dict[str, Process]

    def cpu_seconds(self) -> dict[str, float]:
        """What each process has used of the cores so far, its children included."""
        return {name: sum(map(_cpu, _tree(process.pid))) for name, process in self.processes.items()}


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        used = process.cpu_times()
        return used.user + used.system
    return 0.0


@contextlib.contextmanager
def chat_side(folder: Path, outside: Outside) -> Iterator[ChatSide]:
    """Started, migrated and seeded, with the bench's number mapped to acme's Reception."""
    ports = Ports.free()
    with Postgres(folder, ports.postgres) as postgres, Valkey(folder, ports.valkey) as valkey, contextlib.ExitStack() as stack:
        env = {**os.environ, **web_environment(folder, ports.web), **_addresses(outside, ports)}
        env |= {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url}
        env["CELERY_BEAT_SCHEDULE_FILENAME"] = str(folder / "schedule")
        for command in (["-m", "embedded.prepare", "--seed"], ["-c", f"import django; django.setup()\n{MAP}"]):
            subprocess.run(
                [sys.executable, "-W", "ignore", *command], env=env, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL
            )
        services = [one for one in services_make(folder, ports, env, {}) if one.process.name in PARTS]
        for service in services:
            stack.enter_context(service.process)
        for service in services:
            service.wait_ready()
        parts = {service.process.name: service.process for service in services}
        yield ChatSide(ports.web, postgres.url, {**parts, "postgres": postgres.process, "valkey": valkey.process})


def _addresses(outside: Outside, ports: Ports) -> dict[str, str]:
    return {
        "API_URL": f"http://127.0.0.1:{ports.web}",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{outside.port}/v1",
        "OPENAI_API_KEY": KEY,
        "WHATSAPP_APP_SECRET": SECRET,
        "WHATSAPP_VERIFY_TOKEN": "bench",
        "WHATSAPP_ACCESS_TOKEN": "bench",
        "WHATSAPP_GRAPH_URL": f"http://127.0.0.1:{outside.port}",
    }


def rest_explain(side: ChatSide, times: list[Times]) -> None:
    """When answers are missing: how the product's own records ended."""
    if all(one.posted for one in times):
        return
    for query in REST:
        sys.stderr.write(f"{query}\n" + "".join(f"  {row}\n" for row in rows(side.database_url, query)))


async def measure(folder: Path, count: int, rate: float) -> tuple[list[Times], dict[str, float], int]:
    """Warms up with a message of each contact, then measures; the processor time is that of the measured part."""
    outside = Outside(NUMBER, SECRET, FIRST_TOKEN)
    async with await outside.serve():
        with contextlib.ExitStack() as stack:
            side = await asyncio.to_thread(stack.enter_context, chat_side(folder, outside))
            warm = await outside.write(side.web_port, first=0, count=CONTACTS, rate=WARM_RATE, contacts=CONTACTS)
            rest_explain(side, warm)
            sys.stderr.write(f"warmed up: {sum(bool(one.posted) for one in warm)} of {len(warm)} answered\n")
            before = side.cpu_seconds()
            times = await outside.write(side.web_port, first=CONTACTS, count=count, rate=rate, contacts=CONTACTS)
            after = side.cpu_seconds()
            rest_explain(side, times)
            await asyncio.to_thread(stack.close)
    used = {name: (after[name] - before[name]) / count for name in after}
    return times, used, outside.refused


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 50.0
    with data_folder() as folder:
        times, used, refused = asyncio.run(measure(folder, count, rate))
    done = [one for one in times if one.posted]
    stages = {
        "in → out, less model and pause": [one.posted - one.sent - (one.answered - one.asked) - QUIET_SECONDS for one in done],
        "webhook → model, less pause": [one.asked - one.sent - QUIET_SECONDS for one in done],
        "model → Meta": [one.posted - one.answered for one in done],
    }
    table = [[name, *(percentile(values, p) * 1000 for p in (50, 95, 99))] for name, values in stages.items()]
    show(f"WhatsApp in → reply out, {rate:.0f} messages a second", ["part", "p50 ms", "p95 ms", "p99 ms"], table)
    print(f"\nanswered {len(done)} of {len(times)}; webhooks refused: {refused}")
    show("Processor time for each message", ["process", "ms"], [[name, seconds * 1000] for name, seconds in used.items()])


if __name__ == "__main__":
    main()
