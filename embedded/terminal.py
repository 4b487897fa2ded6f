"""What the person who started the stack sees: one line per step, with its time; plain where the output is no terminal."""

import io
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from embedded.toolchain import Say

NAME_WIDTH = 14
PLAIN_SECONDS = 15.0


class Terminal:
    """Prints steps to a stream; a terminal also shows progress in place."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        if isinstance(self.stream, io.TextIOWrapper):
            self.stream.reconfigure(errors="replace")  # an old terminal's character set has no ✓
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.coloured = self.live and "NO_COLOR" not in os.environ

    def line(self, text: str = "") -> None:
        """Print one line."""
        self._write(f"{text}\n")

    def bold(self, text: str) -> str:
        """Return text that a terminal shows in bold."""
        return self._paint(text, "1")

    @contextmanager
    def step(self, name: str) -> Iterator["Step"]:
        """Show a step from its start to ✓, or ✗ when an exception ends it."""
        step = Step(self, name)
        step.say("")
        try:
            yield step
        except BaseException:
            step.end(self._paint("✗", "31"), "")
            raise
        step.end(self._paint("✓", "32"), step.result)

    def show(self, text: str, *, final: bool) -> None:
        """Show a line in place; a stream that is no terminal gets final lines only."""
        if not self.live:
            if final:
                self.line(text)
            return
        width = shutil.get_terminal_size().columns
        shown = text if final else text[: width - 1]
        self._write(f"\r\x1b[2K{shown}" + ("\n" if final else ""))

    def _write(self, text: str) -> None:
        with suppress(OSError):  # a terminal that was closed must not keep the stack from stopping
            self.stream.write(text)
            self.stream.flush()

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured else text


class Step:
    """One step: `say` shows progress, `result` is printed at the end."""

    def __init__(self, terminal: Terminal, name: str) -> None:
        self.terminal = terminal
        self.name = name
        self.result = ""
        self._started = self._printed = time.monotonic()

    def say(self, text: str) -> None:
        """Show what the step is doing; where nothing can be shown in place, a line every quarter minute."""
        now = time.monotonic()
        spent = f"{now - self._started:.0f} s" if now - self._started >= 2 else ""
        line = f"  … {self.name:<{NAME_WIDTH}} {' '.join(part for part in (spent, text) if part)}"
        self.terminal.show(line, final=False)
        if not self.terminal.live and now - self._printed > PLAIN_SECONDS:
            self._printed = now
            self.terminal.line(line)

    def end(self, mark: str, result: str) -> None:
        """Show the step as done."""
        spent = time.monotonic() - self._started
        self.terminal.show(f"  {mark} {self.name:<{NAME_WIDTH}} {result:<44} {spent:5.1f} s", final=True)


@contextmanager
def silent_step(_: str) -> Iterator[Step]:
    """A step that shows nothing; for stacks that no person watches."""
    with open(os.devnull, "w") as nothing:
        yield Step(Terminal(nothing), "")


__all__ = ["Say", "Step", "Terminal", "silent_step"]
