"""Meridian's own processes and the local models: how each is started and how it shows that it is ready."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded.environment import surroundings
from embedded.nursery import Nursery
from embedded.paths import CHECKOUT
from embedded.ports import LOOPBACK, Ports, http_answers, port_answers
from embedded.process import Process

READY_TIMEOUT = 180.0


@dataclass
class Nurseries:
    """Where Meridian's own processes are forked from. Each begins to import when it is made."""

    agents: Nursery
    django: Nursery | None = None  # Django reads its settings while it is imported, so it waits for Postgres's address

    @classmethod
    def open(cls, data_dir: Path, env: Mapping[str, str]) -> "Nurseries":
        """Begin to import what the agents need, and do not wait for it."""
        return cls(Nursery(["agents_worker.preload"], env, data_dir / "logs" / "agents.log"))

    def open_django(self, data_dir: Path, env: Mapping[str, str]) -> None:
        """Begin to import what the other processes need; `env` are the settings, all of them."""
        self.django = Nursery(["config.preload"], env, data_dir / "logs" / "django.log")

    def close(self) -> None:
        """End both; their processes must have ended before."""
        for nursery in (self.agents, self.django):
            if nursery is not None:
                nursery.stop()


@dataclass
class Service:
    """A process, what it is called in front of people, and its readiness check."""

    title: str
    process: Process
    ready: Callable[[], bool]
    result: str = ""

    def wait_ready(self) -> None:
        """Wait until the process is ready. Raises StackError when it ends before or takes too long."""
        self.process.wait_ready(self.ready, READY_TIMEOUT, interval=0.1)


def models_service(data_dir: Path, port: int, env: Mapping[str, str]) -> Service:
    """Return the local models' server."""
    process = _process(data_dir, "models", env, [sys.executable, "-m", "embedded.models", "--port", str(port)])
    return Service("Local models", process, _http(port, "/healthz"), f"http://{LOOPBACK}:{port}/v1")


def meta_service(data_dir: Path, port: int, env: Mapping[str, str], host: str = LOOPBACK) -> Service:
    """Return the pretend Meta, with the secrets that the product has; it keeps its chats in the data folder."""
    told = {
        "META_WEBHOOK_URL": f"{env['API_URL']}/meta/webhook",
        "META_APP_SECRET": env["WHATSAPP_APP_SECRET"],
        "META_VERIFY_TOKEN": env["WHATSAPP_VERIFY_TOKEN"],
        "META_ACCESS_TOKEN": env["WHATSAPP_ACCESS_TOKEN"],
        "META_DATA_DIR": str(data_dir / "meta"),
    }
    command = [sys.executable, "-m", "embedded.meta", "--host", host, "--port", str(port)]
    process = _process(data_dir, "meta", surroundings() | told, command)
    return Service("Pretend Meta", process, _http(port, "/healthz"), f"http://localhost:{port}")


def services_make(
    data_dir: Path, ports: Ports, env: Mapping[str, str], given: Mapping[str, str], nurseries: Nurseries | None = None
) -> list[Service]:
    """Return web, realtime, worker, turns, beat, atlas and media-bot, not started; without nurseries each loads by itself."""
    host = "0.0.0.0" if given.get("MERIDIAN_NODE_IP") else LOOPBACK
    services = [
        _web(data_dir, ports.web, host, env),
        realtime_service(data_dir, ports.realtime, host, env),
        _celery(data_dir, "worker", "Worker", "calls,celery", 8, env),
        _celery(data_dir, "turns", "Herald", "turns", 16, env),
        _beat(data_dir, env),
    ]
    agents = [
        _agent(data_dir, "atlas", "Atlas", ports.atlas_health, env),
        _agent(data_dir, "media-bot", "Media Bot", ports.media_bot_health, env),
    ]
    if nurseries is not None:
        for service in services:
            service.process.nursery = nurseries.django
        for service in agents:
            service.process.nursery = nurseries.agents
    return services + agents


def _web(data_dir: Path, port: int, host: str, env: Mapping[str, str]) -> Service:
    command = [*python_module("granian"), "--interface", "wsgi", "--host", host, "--port", str(port)]
    command += ["--blocking-threads", "8", "--no-ws", "--workers-kill-timeout", "3", "config.wsgi:application"]
    return Service("Web", _process(data_dir, "web", env, command), _http(port, "/readyz"), env["PUBLIC_URL"])


def realtime_service(data_dir: Path, port: int, host: str, env: Mapping[str, str]) -> Service:
    """Return the websockets' process. Hints are too short to be worth compressing, for each socket anew."""
    command = [*python_module("uvicorn"), "--host", host, "--port", str(port), "--log-level", "warning"]
    command += ["--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "2", "config.asgi:application"]
    process = _process(data_dir, "realtime", env, command)
    return Service("Realtime", process, lambda: port_answers(port), f"{LOOPBACK}:{port}")


def _celery(data_dir: Path, name: str, title: str, queues: str, threads: int, env: Mapping[str, str]) -> Service:
    command = [
        *python_module("celery"),
        "-A",
        "config",
        "worker",
        "-P",
        "threads",
        "-c",
        str(threads),
        "-Q",
        queues,
        "-l",
        "INFO",
    ]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-n", f"{name}@%h"]
    process = _process(data_dir, name, env, command)
    return Service(title, process, lambda: process.logged("ready."), queues.replace(",", ", "))


def _beat(data_dir: Path, env: Mapping[str, str]) -> Service:
    schedule = env["CELERY_BEAT_SCHEDULE_FILENAME"]
    command = [*python_module("celery"), "-A", "config", "beat", "-l", "INFO", "-s", schedule, "--pidfile", ""]
    process = _process(data_dir, "beat", env, command)
    return Service("Beat", process, lambda: process.logged("beat: Starting"), "sweepers")


def _agent(data_dir: Path, name: str, title: str, port: int, env: Mapping[str, str]) -> Service:
    process = _process(data_dir, name, env, [*python_module("agents_worker"), name])
    answers = _http(port, "/")
    return Service(title, process, lambda: process.logged("registered worker") and answers(), "registered at LiveKit")


def python_module(module: str) -> tuple[str, str, str]:
    """Return the beginning of a command that runs a module, as a nursery can, too."""
    return sys.executable, "-m", module


def _process(data_dir: Path, name: str, env: Mapping[str, str], command: list[str]) -> Process:
    return Process(name, command, log_path=data_dir / "logs" / f"{name}.log", env=env, cwd=CHECKOUT)


def _http(port: int, path: str) -> Callable[[], bool]:
    return lambda: http_answers(port, path)
