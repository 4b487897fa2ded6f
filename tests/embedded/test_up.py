"""`manage.py up` as a person runs it: where to go, Ctrl-C, a process that dies, kill -9, a second start."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from embedded.envfile import env_read
from embedded.environment import surroundings
from embedded.paths import CHECKOUT
from embedded.ports import port_free, port_taken, ports_free
from tests.embedded.waiting import gone, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
Up = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def up(data_dir: Path) -> Iterator[Up]:
    """Starts `manage.py up` on free ports; kills it when the test has not ended it."""
    started: list[subprocess.Popen[str]] = []
    livekit = three_in_a_row()
    names = ("LIVEKIT", "WEB", "REALTIME", "POSTGRES", "VALKEY", "MODELS", "META")
    others = ports_free(6, meant=frozenset(range(livekit, livekit + 3)))
    ports = {f"MERIDIAN_{name}_PORT": str(port) for name, port in zip(names, [livekit, *others], strict=True)}

    def start(*options: str, **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "manage.py", "up", "--data", str(data_dir), *options]
        environment = surroundings() | ports | {"MERIDIAN_ENV_FILES": "off"} | env
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=CHECKOUT, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.wait(120)


def three_in_a_row() -> int:
    """A free port with two free ones after it, which LiveKit takes too."""
    while True:
        first = port_free()
        kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
        if not any(port_taken(port, kind) for port in (first + 1, first + 2) for kind in kinds):
            return first


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """The output up to the line with `text`; fails when the process ends before."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"{text!r} was not printed:\n{''.join(lines)}")


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def all_gone(processes: list[psutil.Process]) -> None:
    assert processes
    wait_until(lambda: all(gone(process.pid) for process in processes), 60)


@pytest.mark.slow
def test_the_whole_product_starts_answers_and_stops_when_a_process_dies(up: Up, data_dir: Path) -> None:
    process = up()
    output = read_until(process, "manage.py call")
    assert "http://acme.localhost" in output
    assert "meridian-demo" in output
    env = env_read(data_dir / "stack.env")
    web = env["PUBLIC_URL"].replace("localhost", "127.0.0.1")
    host = env["PUBLIC_URL"].removeprefix("http://")
    page = httpx.get(f"{web}/call/reception", headers={"host": f"acme.{host}"}, timeout=20, trust_env=False)
    assert page.status_code == 200
    assert "Reception" in page.text
    parts = re.findall(r'"(/static/[^"]+)"', page.text)
    assert any(part.endswith(".css") for part in parts), "it has its styles"
    assert {httpx.get(f"{web}{part}", timeout=20, trust_env=False).status_code for part in parts} == {200}
    assert httpx.get(f"{web}/readyz", timeout=20, trust_env=False).json() == {"database": "ok", "redis": "ok"}
    children = family(process)
    beat = next(child for child in children if child.name() == "beat")
    os.kill(beat.pid, signal.SIGKILL)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert re.search(r"^beat was ended by signal 9.*; its log is .*/logs/beat\.log\.", rest, re.MULTILINE)
    all_gone(children)
    assert not (data_dir / "stack.env").exists()
    again = up()
    output = read_until(again, "manage.py call")
    assert re.search(r"✓ Database +unchanged", output)
    children = family(again)
    again.kill()
    all_gone(children)


def test_ctrl_c_stops_everything(up: Up, data_dir: Path) -> None:
    process = up("--only-services")
    read_until(process, "stack.env")
    assert {"DATABASE_URL", "MERIDIAN_LOCAL_MODELS"} <= env_read(data_dir / "stack.env").keys()
    children = family(process)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Nothing is left running" in rest
    all_gone(children)


def test_a_closed_terminal_stops_everything(up: Up) -> None:
    process = up("--only-services", OPENAI_API_KEY="sk-given")
    read_until(process, "stack.env")
    children = family(process)
    assert process.stdout is not None
    process.stdout.close()
    process.send_signal(signal.SIGHUP)
    assert process.wait(120) == 0
    all_gone(children)


@pytest.mark.slow
def test_kill_9_leaves_nothing_behind_and_the_next_start_works(up: Up, data_dir: Path) -> None:
    process = up("--only-services", OPENAI_API_KEY="sk-given")
    read_until(process, "stack.env")
    children = family(process)
    first = (data_dir / "secrets.env").read_text()
    process.kill()
    all_gone(children)
    again = up("--only-services", OPENAI_API_KEY="sk-given")
    read_until(again, "stack.env")
    assert (data_dir / "secrets.env").read_text() == first


def test_a_second_up_says_that_one_is_running(up: Up, data_dir: Path) -> None:
    first = up("--only-services", OPENAI_API_KEY="sk-given")
    read_until(first, "stack.env")
    second = up("--only-services", OPENAI_API_KEY="sk-given")
    output, _ = second.communicate(timeout=120)
    assert second.returncode == 1
    assert "already running" in output
    assert "http://localhost:" in output
    assert "DATABASE_URL" in env_read(data_dir / "stack.env")
    assert first.poll() is None


def test_a_bad_port_is_told_in_a_sentence(up: Up) -> None:
    process = up(MERIDIAN_WEB_PORT="eighty")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "MERIDIAN_WEB_PORT is 'eighty'" in output
    assert "Traceback" not in output
