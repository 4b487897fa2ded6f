"""The whole product on one machine: outside parts, preparation and Meridian's own processes, started and stopped in order."""

import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol, Self

from embedded.envfile import env_read, env_write
from embedded.environment import files_wanted, parts_needed, stack_environment, surroundings
from embedded.errors import StackError
from embedded.frontend import frontend_build
from embedded.given import given_check, openai_hint
from embedded.keys import keys_ensure
from embedded.livekit import Livekit
from embedded.paths import CHECKOUT, cache_dir, data_dir_make
from embedded.ports import LOOPBACK, Ports, port_owner, port_refusal, port_taken
from embedded.postgres import Postgres
from embedded.prepare import prepared_state
from embedded.process import Process
from embedded.services import Nurseries, Service, meta_service, models_service, services_make
from embedded.sip import LivekitSip, sip_binary
from embedded.terminal import Step, silent_step
from embedded.toolchain import livekit_binary, livekit_path
from embedded.valkey import Valkey

LEAST_FREE_BYTES = 2 * 1024**3
PREPARE_TIMEOUT = 300.0
STOP_SECONDS = 12.0
GIVEN_PARTS = {"DATABASE_URL": "Postgres", "REDIS_URL": "Redis", "LIVEKIT_URL": "LiveKit", "OPENAI_API_KEY": "OpenAI"}

Steps = Callable[[str], AbstractContextManager[Step]]


class Part(Protocol):
    """What the stack needs of Postgres, Valkey, livekit-server and livekit-sip."""

    process: Process

    def start(self) -> object: ...

    def stop(self) -> None: ...


class Stack:
    """A running Meridian: `with Stack(data_dir, env={…}) as stack:` starts it on free ports and waits until it is ready.

    `env` are the settings given from outside: a part whose address is given is used and not started. `stack.env` holds every
    setting of the running stack. Raises StackError from `start` with nothing left running.
    """

    def __init__(
        self,
        data_dir: Path,
        env: Mapping[str, str] | None = None,
        *,
        ports: Ports | None = None,
        seed: bool = True,
        only_services: bool = False,
        steps: Steps = silent_step,
    ) -> None:
        self.data_dir = data_dir
        self.given = dict(env or {})
        self.ports = ports or Ports.free()
        self.seed = seed
        self.only_services = only_services
        self.steps = steps
        self.env: dict[str, str] = {}
        self.hint: str | None = None  # what a person should know of what they gave, though Meridian runs
        self._needed = parts_needed(self.given)
        self._parts: list[Part] = []
        self._services: list[Service] = []
        self._nurseries: Nurseries | None = None
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def web_url(self) -> str:
        """The public host's address, such as http://localhost:8000."""
        return self.env["PUBLIC_URL"]

    def tenant_url(self, slug: str) -> str:
        """Return a tenant host's address, such as http://acme.localhost:8000."""
        return self.web_url.replace("://", f"://{slug}.", 1)

    @property
    def realtime_url(self) -> str:
        """The websockets' address on this machine, such as ws://127.0.0.1:8001."""
        return f"ws://{LOOPBACK}:{self.ports.realtime}"

    @property
    def phone_url(self) -> str:
        """The pretend Meta's phone page, such as http://localhost:18091; empty when Meta itself is used."""
        return f"http://localhost:{self.ports.meta}" if "meta" in self._needed else ""

    @property
    def sip_address(self) -> str:
        """Where phones call, such as 127.0.0.1:5060; empty when no livekit-sip is given."""
        return f"{self._node_ip}:{self.ports.sip}" if "sip" in self._needed else ""

    @property
    def _node_ip(self) -> str:
        return self.given.get("MERIDIAN_NODE_IP") or LOOPBACK

    @property
    def _host(self) -> str:
        return "0.0.0.0" if self.given.get("MERIDIAN_NODE_IP") else LOOPBACK

    def process(self, name: str) -> Process:
        """Return a running process by its name, such as `web`, `worker`, `atlas`, `media-bot`, `postgres` or `livekit`."""
        return {process.name.lower(): process for process in self._processes()}[name.lower()]

    def restart(self, name: str) -> None:
        """Start one process again, of Meridian's own or an outside part, and wait until it is ready. Raises StackError."""
        if part := next((part for part in self._parts if part.process.name.lower() == name.lower()), None):
            part.stop()
            part.start()
            return
        service = next(service for service in self._services if service.process.name.lower() == name.lower())
        service.process.stop()
        service.process.start()
        service.wait_ready()

    def start(self) -> None:
        """Start everything and wait until it is ready. Raises StackError; nothing is left running then."""
        try:
            self._check()
            self._given()
            self._tools()
            self._parts_start()
            if self._nurseries is not None:
                self._nurseries.open_django(self.data_dir, self._process_env())
            self._prepare()
            self._services_start()
            env_write(self.data_dir / "stack.env", self.env)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop Meridian's processes together, then the outside parts in reverse order."""
        if self._lock is not None:  # without it the file is another stack's
            (self.data_dir / "stack.env").unlink(missing_ok=True)
        _stop_together([service.process for service in self._services])
        self._services = []
        if self._nurseries is not None:
            self._nurseries.close()
            self._nurseries = None
        while self._parts:
            self._parts.pop().stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def dead(self) -> str | None:
        """Return the sentence about a process that has ended by itself, if there is one."""
        return next((process.death() for process in self._processes() if not process.running), None)

    def _processes(self) -> list[Process]:
        return [part.process for part in self._parts] + [service.process for service in self._services]

    def _check(self) -> None:
        data_dir_make(self.data_dir)
        self._lock_take()
        for folder in (self.data_dir, cache_dir()):
            _check_space(folder)
        self._check_ports()

    def _lock_take(self) -> None:
        lock = (self.data_dir / "up.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StackError(self._running_already()) from None
        self._lock = lock

    def _running_already(self) -> str:
        url = env_read(self.data_dir / "stack.env").get("PUBLIC_URL")
        where = f" at {url}" if url else " and is starting"
        return (
            f"Meridian is already running with the data in {self.data_dir}{where}; stop that one first, or choose another --data."
        )

    def _given(self) -> None:
        names = [title for name, title in GIVEN_PARTS.items() if self.given.get(name)]
        if names and not self.only_services:
            with self.steps("Your own parts") as step:
                given_check(self.given)
                self.hint = openai_hint(self.given)
                step.result = ", ".join(names)

    def _check_ports(self) -> None:
        wanted: dict[str, tuple[int, ...]] = {"WEB": (self.ports.web,), "REALTIME": (self.ports.realtime,)}
        if self.only_services:
            wanted = {}
        for name in sorted(self._needed):
            wanted[name.upper()] = (getattr(self.ports, name),)
        if "livekit" in self._needed:
            wanted["LIVEKIT"] = (self.ports.livekit, self.ports.livekit_tcp)
            if port_taken(self.ports.livekit_udp, socket.SOCK_DGRAM):
                raise StackError(_taken(self.ports.livekit_udp, "LIVEKIT"))
        if "sip" in self._needed and port_taken(self.ports.sip, socket.SOCK_DGRAM):
            raise StackError(_taken(self.ports.sip, "SIP"))
        _check_different(wanted)
        for name, numbers in wanted.items():
            for number in numbers:
                if port_taken(number):
                    raise StackError(_taken(number, name))

    def _tools(self) -> None:
        if "sip" in self._needed:
            sip_binary(self.given["MERIDIAN_LIVEKIT_SIP"])
        if "livekit" in self._needed:
            with self.steps("livekit-server") as step:
                step.result = "ready" if livekit_path().exists() else "built"
                livekit_binary(step.say)
        if not self.only_services:
            with self.steps("Front end") as step:
                step.result = "built" if frontend_build(step.say) else "unchanged"

    def _parts_start(self) -> None:
        keys = keys_ensure(self.data_dir)
        self.env = stack_environment(self.data_dir, self.ports, keys, self.given)
        for name in ("media", "beat"):
            (self.data_dir / name).mkdir(exist_ok=True, mode=0o700)
        if not self.only_services:
            self._nurseries = Nurseries.open(self.data_dir, self._process_env())
        if "models" in self._needed:
            self._begin(models_service(self.data_dir, self.ports.models, self._process_env()))
        if "meta" in self._needed:
            self._begin(meta_service(self.data_dir, self.ports.meta, self.env, self._host))
        if "postgres" in self._needed:
            with self.steps("Postgres") as step:
                postgres = Postgres(self.data_dir, self.ports.postgres, password=keys["POSTGRES_PASSWORD"])
                self._parts.append(postgres)
                self.env["DATABASE_URL"] = postgres.start()
                step.result = f"{LOOPBACK}:{self.ports.postgres}"
        livekit_redis = self.given.get("REDIS_URL", "")
        if "valkey" in self._needed:
            with self.steps("Valkey") as step:
                valkey = Valkey(self.data_dir, self.ports.valkey, password=keys["VALKEY_PASSWORD"])
                self._parts.append(valkey)
                self.env["REDIS_URL"] = valkey.start()
                livekit_redis = valkey.database_url(1)
                step.result = f"{LOOPBACK}:{self.ports.valkey}"
        if "livekit" in self._needed:
            self._livekit_start(livekit_redis)
        if "sip" in self._needed:
            self._sip_start(livekit_redis)
        if "meta" in self._needed:  # the demo asks it for its templates
            self._services[-1].wait_ready()

    def _livekit_start(self, redis_url: str) -> None:
        with self.steps("LiveKit") as step:
            livekit = Livekit(
                self.data_dir,
                self.ports.livekit,
                tcp_port=self.ports.livekit_tcp,
                udp_port=self.ports.livekit_udp,
                redis_url=redis_url,
                api_key=self.env["LIVEKIT_API_KEY"],
                api_secret=self.env["LIVEKIT_API_SECRET"],
                webhook_urls=[f"{self.env['API_URL']}/livekit/webhook"],
                node_ip=self._node_ip,
                alone="valkey" in self._needed,
            )
            self._parts.append(livekit)
            livekit.start()
            step.result = f"{livekit.url}, UDP {self.ports.livekit_udp}"

    def _sip_start(self, redis_url: str) -> None:
        with self.steps("SIP") as step:
            bridge = LivekitSip(
                self.data_dir,
                self.ports.sip,
                binary=self.given["MERIDIAN_LIVEKIT_SIP"],
                livekit_url=self.env["LIVEKIT_URL"],
                redis_url=redis_url,
                api_key=self.env["LIVEKIT_API_KEY"],
                api_secret=self.env["LIVEKIT_API_SECRET"],
                node_ip=self._node_ip,
            )
            self._parts.append(bridge)
            step.result = bridge.start()

    def _prepare(self) -> None:
        if self.only_services:
            return
        with self.steps("Database") as step:
            stamp = self.data_dir / "postgres" / "meridian-prepared"  # goes when the database goes
            state = prepared_state(self.env, seed=self.seed)
            if stamp.is_file() and stamp.read_text() == state and Path(self.env["STATIC_ROOT"]).is_dir():
                step.result = "unchanged"
                return
            Process(
                "Preparing the database",
                [sys.executable, "-W", "ignore", "-m", "embedded.prepare", *(["--seed"] if self.seed else [])],
                log_path=self.data_dir / "logs" / "prepare.log",
                env=self._process_env(),
                cwd=CHECKOUT,
            ).run(step.say, PREPARE_TIMEOUT)
            if stamp.parent.is_dir():
                stamp.write_text(state)
            step.result = "migrated, demo seeded" if self.seed else "migrated"

    def _services_start(self) -> None:
        if self._nurseries is not None:
            with self.steps("Libraries") as step:
                services = services_make(self.data_dir, self.ports, self._process_env(), self.given, self._nurseries)
                self._services += services
                for service in reversed(services):  # Atlas takes longest: its own forkserver loads the end-of-turn model
                    service.process.start()
                step.result = "loaded once for all processes"
        for service in self._services:
            with self.steps(service.title) as step:
                service.wait_ready()
                step.result = service.result

    def _begin(self, service: Service) -> None:
        service.process.start()
        self._services.append(service)

    def _process_env(self) -> dict[str, str]:
        """The environment of the stack's processes: files are read here, once, and not by them again."""
        fixed = {"MERIDIAN_ENV_FILES": "off", "PYTHONUNBUFFERED": "1"}
        return surroundings() | self.env | fixed


def _check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise StackError(
            f"Only {free / 1024**3:.1f} GB are free for {folder} and Meridian needs 2 GB; make room or choose another folder "
            "(MERIDIAN_DATA for the data, MERIDIAN_CACHE for the tools)."
        )


def _check_different(wanted: Mapping[str, tuple[int, ...]]) -> None:
    owners: dict[int, str] = {}
    for name, numbers in wanted.items():
        for number in numbers:
            if number in owners:
                raise StackError(
                    f"Port {number} is meant for two parts; choose another one with MERIDIAN_{owners[number]}_PORT or "
                    f"MERIDIAN_{name}_PORT (LiveKit takes three in a row)."
                )
            owners[number] = name


def _taken(number: int, name: str) -> str:
    if isinstance(port_refusal(number), PermissionError):
        return f"Port {number} is one that only root may open; choose one from 1024 on with MERIDIAN_{name}_PORT."
    return f"Port {number} is taken by {port_owner(number)}; stop that program, or choose another port with MERIDIAN_{name}_PORT."


def _stop_together(processes: list[Process]) -> None:
    """Ask all to end at once, then wait for each; who asks twice is answered at once."""
    for process in processes:
        process.stop_begin()
    end = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.grace = max(0.1, end - time.monotonic())
        process.stop()


def pointer_write(data_dir: Path) -> None:
    """Note in the checkout where the running stack's data is, so that other commands find it."""
    if not files_wanted():
        return
    pointer = CHECKOUT / ".meridian"
    fresh = CHECKOUT / f".meridian.{os.getpid()}"
    fresh.write_text(f"{data_dir}\n")
    fresh.replace(pointer)


def pointer_forget(data_dir: Path) -> None:
    """Remove the note, unless another stack of this checkout has written its own since."""
    pointer = CHECKOUT / ".meridian"
    if pointer.is_file() and pointer.read_text().strip() == str(data_dir):
        pointer.unlink()
