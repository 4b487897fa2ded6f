"""A process that imports what several others need, once, and forks them: five Djangos cost the imports of one.

Runs as a process of its own (`python -m embedded.nursery MODULE …`) and reads one JSON line from its standard input for each
process to fork: `{"module": "celery", "arguments": […], "log": "…", "cwd": "…", "env": {…}}`. It answers on standard output
`{"pid": 1}`, and `{"pid": 1, "code": 0}` once that process has ended (minus the signal's number when a signal ended it). End of
file on standard input ends it; the forked processes are then left to whoever started it.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from embedded.errors import StackError
from embedded.leash import LEASH
from embedded.paths import CHECKOUT

FORK_SECONDS = 60.0
POLL_SECONDS = 0.02


class Forked:
    """A process of a nursery, with the methods of a Popen that `Process` uses."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self._nursery = nursery

    def poll(self) -> int | None:
        """Return the exit code once the process has ended, else None."""
        return self._nursery.code(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(POLL_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """The owner's end. Not for use by two threads at once for the same process's start; `poll` is safe from any."""

    def __init__(self, modules: Sequence[str], env: Mapping[str, str], log_path: Path) -> None:
        self._codes: dict[int, int] = {}
        self._lock = threading.Lock()
        self._rest = b""
        self.log_path = log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("wb") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "embedded.nursery", *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(env),
                cwd=CHECKOUT,
                start_new_session=True,
            )
        LEASH.group_add(self._popen.pid, signal.SIGTERM)

    def start(self, module: str, arguments: Sequence[str], *, log_path: Path, env: Mapping[str, str], cwd: Path) -> Forked:
        """Fork a process that runs `python -m module arguments` in a session of its own. Raises StackError."""
        told = {"module": module, "arguments": list(arguments), "log": str(log_path), "cwd": str(cwd), "env": dict(env)}
        with self._lock:
            try:
                self._stdin.write(json.dumps(told).encode() + b"\n")
                self._stdin.flush()
            except (BrokenPipeError, ValueError):
                raise StackError(self._gone()) from None
            end = time.monotonic() + FORK_SECONDS
            while (pid := self._read(max(0.0, end - time.monotonic()))) is None:
                if self._popen.poll() is not None or time.monotonic() > end:
                    raise StackError(self._gone())
        return Forked(self, pid)

    def code(self, pid: int) -> int | None:
        """Return how a forked process ended, None while it runs."""
        with self._lock:
            if pid not in self._codes:
                self._read(0.0)
            if pid not in self._codes and self._popen.poll() is not None and not _alive(pid):
                self._codes[pid] = -signal.SIGKILL  # nobody is left who knows
            return self._codes.get(pid)

    def stop(self) -> None:
        """End the nursery; its processes must have ended before."""
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        try:
            self._popen.wait(5)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        LEASH.group_remove(self._popen.pid)

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._popen.stdin is not None
        return self._popen.stdin

    def _read(self, seconds: float) -> int | None:
        """Take in what the nursery said; return the process that it has just forked, if it has."""
        assert self._popen.stdout is not None
        handle, started = self._popen.stdout.fileno(), None
        while started is None and select.select([handle], [], [], seconds)[0] and (data := os.read(handle, 65536)):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for said in map(json.loads, lines):
                if "code" in said:
                    self._codes[said["pid"]] = said["code"]
                else:
                    self._codes.pop(said["pid"], None)  # the number is used again
                    started = said["pid"]
        return started

    def _gone(self) -> str:
        words = self.log_path.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        return f"The process that starts the others is gone ({words[-1]}); its log is {self.log_path}."


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def main(modules: Sequence[str]) -> None:
    """Import the modules, then fork until standard input ends."""
    answers = os.dup(1)  # what an import prints must not be taken for an answer
    os.dup2(2, 1)
    for module in modules:
        importlib.import_module(module)
    if threading.active_count() > 1:  # a fork has only the thread that forks: what another one held stays held
        raise RuntimeError(f"Importing {', '.join(modules)} started a thread: {threading.enumerate()}.")
    gc.collect()
    gc.freeze()  # else each process's collections write into the pages that all share
    waking, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asked = b""
    while True:
        ready, _, _ = select.select([0, waking], [], [])
        if waking in ready:
            os.read(waking, 4096)
            _reap(answers)
        if 0 in ready:
            if not (data := os.read(0, 65536)):
                return
            *lines, asked = (asked + data).split(b"\n")
            for line in lines:
                _say(answers, {"pid": _fork(json.loads(line), (waking, woken, answers))})


def _fork(told: dict[str, Any], mine: Sequence[int]) -> int:
    """Return the new process once it has a session of its own: whoever is told of it may signal its group."""
    open_until_then, end = os.pipe()
    if pid := os.fork():
        os.close(end)
        os.read(open_until_then, 1)
        os.close(open_until_then)
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for handle in (*mine, open_until_then, end):
            os.close(handle)
        _streams(told["log"])
        _name(told)
        os.chdir(told["cwd"])
        os.environ.clear()
        os.environ.update(told["env"])
        sys.argv = [told["module"], *told["arguments"]]
        runpy.run_module(told["module"], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = _status(end.code)
    except BaseException:  # noqa: BLE001 - the fork must not go on with the nursery's own loop
        sys.excepthook(*sys.exc_info())
    finally:
        _leave(status)
    raise AssertionError


def _streams(log: str) -> None:
    """Nothing to read; what is said goes to the log, line by line."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for handle, stream in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(handle, stream)
    os.close(nothing)
    os.close(written)
    for text in (sys.stdout, sys.stderr):
        text.reconfigure(line_buffering=True, write_through=True)  # type: ignore[union-attr]


def _name(told: dict[str, Any]) -> None:
    """What `ps` and `top` show for it: the log's name."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(Path(told["log"]).stem)


def _status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    sys.stderr.write(f"{code}\n")
    return 1


def _leave(status: int) -> None:
    """End as an interpreter ends: non-daemon threads first, then what is registered at exit."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status & 0xFF)


def _reap(answers: int) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say(answers, {"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _say(answers: int, answer: dict[str, int]) -> None:
    os.write(answers, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
