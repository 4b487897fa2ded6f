"""Builds the front end when its sources have changed since the last build."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from embedded.paths import CHECKOUT, cache_dir
from embedded.process import Process
from embedded.toolchain import Say, npm_command, only_one, quiet

FOLDER = CHECKOUT / "frontend"
INSTALL_TIMEOUT = 900.0
BUILD_TIMEOUT = 300.0
LEFT_OUT = {"node_modules", "dist", ".build"}


def frontend_build(say: Say = quiet) -> bool:
    """Install packages and build where needed; return whether anything was done. Raises StackError."""
    with only_one(f"frontend-{hashlib.sha256(str(FOLDER).encode()).hexdigest()[:12]}"):
        installed = _install(say)
        return _build(say) or installed


def _install(say: Say) -> bool:
    lock = _hash([FOLDER / "package-lock.json", FOLDER / "package.json"])
    stamp = FOLDER / "node_modules" / ".meridian-lock"
    if stamp.is_file() and stamp.read_text() == lock:
        return False
    command = ["ci", "--no-audit", "--no-fund", "--loglevel=http"]
    _npm("Fetching the front end's packages (needs the network, this once)", command, INSTALL_TIMEOUT, say)
    stamp.write_text(lock)
    return True


def _build(say: Say) -> bool:
    sources = _hash(_sources())
    stamp = FOLDER / "node_modules" / ".meridian-build"
    if (FOLDER / "dist" / "ui").is_dir() and stamp.is_file() and stamp.read_text() == sources:
        return False
    _npm("Building the front end", ["run", "build"], BUILD_TIMEOUT, say)
    stamp.write_text(sources)
    return True


def _npm(name: str, arguments: list[str], timeout: float, say: Say) -> None:
    npm, folder = npm_command(say)
    path = os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)])
    Process(
        name,
        [*npm, *arguments],
        log_path=cache_dir() / "logs" / "frontend.log",
        env={**os.environ, "PATH": path, "npm_config_update_notifier": "false"},
        cwd=FOLDER,
        grace=2,
    ).run(say, timeout)


def _sources() -> Iterator[Path]:
    """Yield what the build reads: the front end itself, and the templates and modules whose classes the styles cover."""
    for root, folders, names in os.walk(FOLDER):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        yield from (Path(root) / name for name in sorted(names))
    yield from sorted((CHECKOUT / "templates").rglob("*.html"))
    yield from sorted((CHECKOUT / "apps").rglob("*.py"))


def _hash(paths: Iterator[Path] | list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if path.is_file():
            digest.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
