"""`python -m agents_worker [atlas|media-bot]`: one of the two workers, or both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

from agents_worker.settings import PARENT_VARIABLE, SettingsError, settings_read

AGENTS = ("atlas", "media-bot")
_POLL_SECONDS = 0.2


class Both:
    """Atlas and Media Bot as two processes; when one dies the other is stopped too."""

    def __init__(self) -> None:
        self._stopping = False
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> int:
        """Until both have ended; the exit status is the first child's that failed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        environ = {**os.environ, PARENT_VARIABLE: str(os.getpid())}
        for name in AGENTS:
            command = [sys.executable, "-m", "agents_worker", name]
            # a session of its own: Ctrl-C reaches the children once, through this process
            self._children[name] = subprocess.Popen(command, env=environ, start_new_session=True)
        while not self._stopping:
            time.sleep(_POLL_SECONDS)
            if (failed := self._dead_child()) is not None:
                return failed
        return max(child.wait() for child in self._children.values())

    def _dead_child(self) -> int | None:
        for name, child in self._children.items():
            status = child.poll()
            if status is not None and not self._stopping:
                sys.stderr.write(f"agents_worker: {name} ended with status {status}.\n")
                self._stop()
                for other in self._children.values():
                    other.wait()
                return status or 1
        return None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        self._stopping = True
        for child in self._children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """The exit status. A wrong argument or a missing setting is told in one sentence."""
    if len(arguments) > 1 or (arguments and arguments[0] not in AGENTS):
        sys.stderr.write("usage: python -m agents_worker [atlas|media-bot]\n")
        return 2
    try:
        settings = settings_read()
    except SettingsError as error:
        sys.stderr.write(f"agents_worker: {error}\n")
        return 1
    if not arguments:
        return Both().run()
    from agents_worker.server import worker_main

    worker_main("atlas" if arguments[0] == "atlas" else "media-bot", settings)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
