"""One process of the stack: a process group of its own, a log file, a readiness check and an orderly end."""

import contextlib
import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from embedded.errors import StackError
from embedded.leash import LEASH
from embedded.nursery import Forked, Nursery
from embedded.paths import is_root

POLL_SECONDS = 0.02
ERROR_LINE = re.compile(r"(?:\b|[a-z])(?:Error|Exception)\b|\b(?:error|fatal|panic|FATAL)\b")


def error_line(lines: Sequence[str]) -> str:
    """Return the last line that speaks of an error, else the last: Node, npm and initdb end with something else."""
    said = [line.strip() for line in lines if line.strip() and "A complete log of this run" not in line]
    return next((line for line in reversed(said[-20:]) if ERROR_LINE.search(line)), said[-1] if said else "")


def unprivileged_user() -> int | None:
    """Return the user id to run Postgres as when this process is root, else None for the same user."""
    if not is_root():
        return None
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return 65534


class Process:
    """A child process that is ended with this one, however this one ends."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        stop_signal: int = signal.SIGTERM,
        grace: float = 10.0,
        nursery: Nursery | None = None,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log_path = log_path
        self.env = dict(os.environ if env is None else env)
        self.cwd = cwd
        self.user = user
        self.stop_signal = stop_signal
        self.grace = grace
        self.nursery = nursery  # forks it, where the command is `python -m module …`
        self._popen: subprocess.Popen[bytes] | Forked | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id; raises StackError before start."""
        if self._popen is None:
            raise StackError(f"{self.name} has not been started.")
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code once the process has ended (minus the signal's number when killed), else None."""
        return self._popen.poll() if self._popen else None

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start the process with a fresh log. Raises StackError when it cannot be run."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        if self.log_path.exists():  # one log is kept of the start before
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        self._popen = self._forked(self.nursery) if self.nursery else self._spawned()
        LEASH.group_add(self._popen.pid, self.stop_signal)

    def _forked(self, nursery: Nursery) -> Forked:
        self.log_path.touch()
        module, *arguments = self.command[2:]
        return nursery.start(module, arguments, log_path=self.log_path, env=self.env, cwd=self.cwd or Path.cwd())

    def _spawned(self) -> subprocess.Popen[bytes]:
        identity = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        with self.log_path.open("ab") as log:
            try:
                return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self.env,
                    cwd=self.cwd,
                    start_new_session=True,
                    **identity,
                )
            except OSError as error:
                raise StackError(f"{self.name} could not be started: {error}.") from error

    def wait_ready(self, ready: Callable[[], bool], timeout: float, interval: float = POLL_SECONDS) -> None:
        """Wait until `ready()`; raises StackError when the process ends before, or after `timeout` seconds."""
        end = time.monotonic() + timeout
        while not ready():
            if not self.running:
                raise StackError(self.death())
            if time.monotonic() > end:
                raise StackError(f"{self.name} was not ready after {timeout:.0f} s; its log is {self.log_path}.")
            time.sleep(interval)

    def run(self, say: Callable[[str], None], timeout: float) -> None:
        """Run to the end, passing the latest log line to `say`. Raises StackError when it fails or takes too long."""
        self.start()
        end = time.monotonic() + timeout
        try:
            while self.running and time.monotonic() < end:
                say(self._last_line())
                time.sleep(0.1)
            if self.running:
                raise StackError(f"{self.name} took longer than {timeout:.0f} s; its log is {self.log_path}.")
        finally:
            self.stop()
        if self.exit_code:
            raise StackError(self.death())

    def death(self) -> str:
        """Return the sentence that says how the process ended, with its last log line and its log file."""
        code = self.exit_code
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return f"{self.name} {how}{self._last_words()}; its log is {self.log_path}."

    def _last_words(self) -> str:
        line = self._error_line() if self.exit_code and self.exit_code > 0 else self._last_line()
        return f" ({line[:200]})" if line else ""

    def _error_line(self) -> str:
        return error_line(self.log_tail())

    def _last_line(self) -> str:
        return next((line.strip() for line in reversed(self.log_tail()) if line.strip()), "")

    def log_tail(self, size: int = 4000) -> list[str]:
        """Return the last lines of the log, at most `size` bytes."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(max(0, self.log_path.stat().st_size - size))
                return log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def logged(self, text: str) -> bool:
        """Say whether the log of this start contains a text."""
        return self.log_path.exists() and text in self.log_path.read_text(errors="replace")

    def stop_begin(self) -> None:
        """Ask the process to end without waiting for it."""
        if self.running:
            self._signal_leader(self.stop_signal)

    def stop(self) -> None:
        """End the process and its children; kills them when they take longer than the grace period."""
        if self._popen is None:
            return
        self.stop_begin()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(self.grace)
        self._signal_group(signal.SIGKILL)  # also the children that outlived their parent
        self._popen.wait()
        LEASH.group_remove(self._popen.pid)

    def _signal_leader(self, number: int) -> None:
        """Signal the process alone: it ends its children in its own order, and none is told twice."""
        if self._popen is not None:
            self._popen.send_signal(number)

    def _signal_group(self, number: int) -> None:
        if self._popen is None:
            return
        try:
            os.killpg(self._popen.pid, number)
        except (ProcessLookupError, PermissionError):
            return
