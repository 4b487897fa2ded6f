"""What the tests need beside Python packages, above all a browser: from PATH, by Debian when root, else by Playwright."""

import shutil
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from embedded import install
from embedded.errors import StackError
from embedded.install import CHROMIUM_NAMES, chromium_ensure, chromium_path, main
from embedded.toolchain import livekit_path, quiet, stripe_mock_path

RUNS = "#!/bin/sh\necho Chromium 150.0\n"
SNAP = "#!/bin/sh\necho \"Command '$0' requires the chromium snap to be installed.\" >&2\nexit 10\n"
# Notes each call; `update` brings the list without which `install` finds nothing, and that puts {text} at {browser}.
APT = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >>"{calls}"
case $1 in
  update) touch "{calls}.list" ;;
  install) [ -e "{calls}.list" ] && cp "{source}" "{browser}" ;;
esac
"""
PLAYWRIGHT = """#!/bin/sh
[ "$*" = "-m playwright install chromium" ] || exit 1
mkdir -p "{folder}" && cp "{source}" "{folder}/{name}"
"""


class Machine:
    """A PATH of its own, and a folder for Playwright's browsers."""

    def __init__(self, folder: Path, browser: Path) -> None:
        self.folder = folder
        self.path = folder / "bin"
        self.browser = browser  # where Playwright would put it
        self.calls = folder / "calls"

    def has(self, name: str, text: str) -> Path:
        program = self.path / name
        program.write_text(text)
        program.chmod(0o755)
        return program

    def brings(self, text: str) -> Path:
        source = self.folder / "source"
        source.write_text(text)
        source.chmod(0o755)
        return source

    def has_apt(self, text: str = RUNS) -> None:
        self.has("apt-get", APT.format(calls=self.calls, source=self.brings(text), browser=self.path / "chromium"))

    def has_playwright(self, monkeypatch: pytest.MonkeyPatch, text: str = RUNS) -> None:
        told = {"folder": self.browser.parent, "name": self.browser.name, "source": self.brings(text)}
        monkeypatch.setattr(sys, "executable", str(self.has("python", PLAYWRIGHT.format(**told))))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path, tmp_path / "browsers" / "chrome")
    made.path.mkdir()
    for tool in ("cp", "mkdir", "touch"):
        (made.path / tool).symlink_to(str(shutil.which(tool)))
    monkeypatch.setenv("PATH", str(made.path))
    monkeypatch.setenv("MERIDIAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(install, "is_root", lambda: True)
    # Playwright is slow to ask; one test below asks it.
    monkeypatch.setattr(install, "_playwright_path", lambda: str(made.browser) if made.browser.exists() else None)
    return made


@pytest.mark.parametrize("name", CHROMIUM_NAMES)
def test_a_browser_of_the_machine_is_used(machine: Machine, name: str) -> None:
    machine.has_apt()
    found = machine.has(name, RUNS)
    assert chromium_ensure(quiet) == str(found)
    assert not machine.calls.exists()


def test_debian_brings_one_when_root(machine: Machine) -> None:
    machine.has_apt()
    assert chromium_ensure(quiet) == str(machine.path / "chromium")
    updated, installed = machine.calls.read_text().splitlines()
    assert updated == "noninteractive update -q"
    assert installed == "noninteractive install -y -q --no-install-recommends chromium"


def test_a_stub_that_only_names_a_snap_counts_as_none(machine: Machine) -> None:
    machine.has("chromium-browser", SNAP)
    assert chromium_path() is None
    machine.has_apt()
    assert chromium_ensure(quiet) == str(machine.path / "chromium")


@pytest.mark.parametrize("who", ["an ordinary user", "root without apt-get"])
def test_playwright_brings_one_to_everybody_else(machine: Machine, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    if who == "an ordinary user":
        machine.has_apt()
        monkeypatch.setattr(install, "is_root", lambda: False)
    machine.has_playwright(monkeypatch)
    assert chromium_ensure(quiet) == str(machine.browser)
    assert not machine.calls.exists()
    machine.has("python", "#!/bin/sh\nexit 1\n")
    assert chromium_ensure(quiet) == str(machine.browser), "once"


def test_playwrights_own_is_found_where_playwright_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    assert chromium_path() is None
    with sync_playwright() as playwright:
        browser = Path(playwright.chromium.executable_path)
    assert browser.is_relative_to(tmp_path)
    browser.parent.mkdir(parents=True)
    browser.write_text(RUNS)
    browser.chmod(0o755)
    assert chromium_path() == str(browser)


def test_a_browser_that_does_not_run_is_told_with_what_to_do(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has_playwright(monkeypatch, "#!/bin/sh\necho 'libnss3.so: cannot open shared object file' >&2\nexit 127\n")
    with pytest.raises(StackError, match="install a package named chromium, then start again"):
        chromium_ensure(quiet)


def test_an_installation_that_fails_is_told_with_its_log(machine: Machine) -> None:
    machine.has("apt-get", "#!/bin/sh\necho 'E: Unable to fetch some archives' >&2\nexit 100\n")
    with pytest.raises(StackError, match=r"Debian's Chromium ended with exit code 100 \(E: Unable to fetch.*logs/chromium\.log"):
        chromium_ensure(quiet)


def test_the_first_thing_that_cannot_be_had_ends_the_installation(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for tool in (livekit_path(), stripe_mock_path()):
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.touch()
    monkeypatch.setattr(install, "frontend_build", lambda say: False)
    monkeypatch.setattr(sys, "executable", str(machine.has("python", "#!/bin/sh\nexit 1\n")))
    assert main() == 1
    said = capsys.readouterr().out
    assert "✓ Front end      unchanged" in said
    assert "✗ Chromium" in said
    machine.has("chromium", RUNS)
    assert main() == 0
