"""What a person sees of a start: in place on a terminal, plain lines in a file, and never a crash because of either."""

import io
import itertools
import os

import pytest

from embedded import terminal as module
from embedded.terminal import Terminal, silent_step


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError("Input/output error")


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is ten seconds after the one before."""
    ticks = itertools.count(0.0, 10.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(ticks))


@pytest.mark.usefixtures("clock")
def test_a_file_gets_a_line_for_each_step_and_one_for_a_long_wait() -> None:
    stream = io.StringIO()
    with Terminal(stream).step("livekit-server") as step:  # the clock was read twice by now
        step.say("linking")
        step.say("still linking")
        step.result = "built"
    waited, done = stream.getvalue().splitlines()
    assert waited == "  … livekit-server 20 s linking"
    assert done.startswith("  ✓ livekit-server built ")
    assert done.endswith(" 40.0 s")


@pytest.mark.usefixtures("clock")
def test_a_terminal_shows_progress_in_place_within_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "get_terminal_size", lambda: os.terminal_size((40, 20)))
    stream = Tty()
    with Terminal(stream).step("Front end") as step:
        step.say("a line of a log that is longer than the terminal is wide")
    shown = stream.getvalue().split("\r\x1b[2K")
    assert shown[0] == ""
    assert "\n" not in "".join(shown[:-1])
    assert [len(line) for line in shown[2:-1]] == [39]
    assert shown[2].startswith("  … Front end      20 s a line")
    assert shown[-1].startswith("  \x1b[32m✓\x1b[0m Front end ")
    assert shown[-1].endswith(" s\n")


def test_a_step_that_fails_is_marked_and_its_error_goes_on() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), Terminal(stream).step("Postgres") as step:
        step.result = "not shown"
        raise KeyboardInterrupt
    assert stream.getvalue().startswith("  ✗ Postgres ")
    assert "not shown" not in stream.getvalue()


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1")])
def test_a_terminal_without_colours_gets_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    stream = Tty()
    terminal = Terminal(stream)
    with terminal.step("Valkey"):
        pass
    assert terminal.bold("Meridian") == "Meridian"
    assert "\x1b[3" not in stream.getvalue()
    assert ("\x1b[2K" in stream.getvalue()) == (name == "NO_COLOR"), "a dumb terminal gets no line twice"
    monkeypatch.delenv(name)
    assert Terminal(Tty()).bold("Meridian") != Terminal(io.StringIO()).bold("Meridian") == "Meridian"


def test_a_terminal_that_was_closed_does_not_keep_the_stack_from_stopping() -> None:
    terminal = Terminal(Closed())
    terminal.line("Stopping …")
    with terminal.step("Web"):
        pass


def test_a_terminal_that_knows_no_tick_gets_something_else_in_its_place() -> None:
    raw = io.BytesIO()
    terminal = Terminal(io.TextIOWrapper(raw, encoding="latin-1", write_through=True))
    with terminal.step("Web") as step:
        step.result = "für alle"
    assert raw.getvalue().startswith(b"  ? Web ")
    assert b"f\xfcr alle" in raw.getvalue()


def test_nobody_watches_a_silent_step(capfd: pytest.CaptureFixture[str]) -> None:
    with silent_step("Web") as step:
        step.say("starting")
        step.result = "http://localhost:8000"
    assert capfd.readouterr() == ("", "")
