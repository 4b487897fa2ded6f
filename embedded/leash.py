"""Ends process groups when the process that started them is gone, however it went.

Runs as a process of its own (`python -I -S leash.py`) and reads lines from its standard input: `+<group> <signal>` adds a
process group, `-<group>` takes it off again. End of file means the owner is gone, also after kill -9: every group still on the
list gets its signal, and SIGKILL when it is still there a few seconds later.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 6.0


class Leash:
    """The owner's end: one helper process per interpreter, started with the first group."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def group_add(self, group: int, stop_signal: int) -> None:
        """Have `group` ended by `stop_signal` when this interpreter is gone."""
        self._send(f"+{group} {stop_signal}\n")

    def group_remove(self, group: int) -> None:
        """Forget a group that has ended, before its number is used again."""
        self._send(f"-{group}\n")

    def _send(self, line: str) -> None:
        with self._lock:
            if self._process is None or self._owner != os.getpid():
                self._process = self._start()
                self._owner = os.getpid()
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-S", __file__]
        return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, cwd="/")


LEASH = Leash()


def _groups_read() -> dict[int, int]:
    groups: dict[int, int] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            group, stop_signal = line[1:].split()
            groups[int(group)] = int(stop_signal)
        else:
            groups.pop(int(line[1:]), None)
    return groups


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Wait for the owner's end, then end what it left behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = _groups_read()
    alive = [group for group, number in reversed(groups.items()) if _signal(group, number)]
    end = time.monotonic() + GRACE_SECONDS
    while alive and time.monotonic() < end:
        time.sleep(0.1)
        alive = [group for group in alive if _signal(group, 0)]
    for group in alive:
        _signal(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
