"""`python -m embedded.install`: what tests need beside Python packages: livekit-server, stripe-mock, front end, Chromium."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from embedded.errors import StackError
from embedded.frontend import frontend_build
from embedded.paths import cache_dir, is_root
from embedded.process import Process
from embedded.terminal import Terminal
from embedded.toolchain import Say, livekit_binary, livekit_path, stripe_mock_binary, stripe_mock_path

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
INSTALL_TIMEOUT = 1200.0
VERSION_TIMEOUT = 60.0


def main() -> int:
    """Install what is missing; return the exit status."""
    terminal = Terminal()
    try:
        with terminal.step("livekit-server") as step:
            step.result = "ready" if livekit_path().exists() else "built"
            livekit_binary(step.say)
        with terminal.step("stripe-mock") as step:
            step.result = "ready" if stripe_mock_path().exists() else "built"
            stripe_mock_binary(step.say)
        with terminal.step("Front end") as step:
            step.result = "built" if frontend_build(step.say) else "unchanged"
        with terminal.step("Chromium") as step:
            step.result = chromium_ensure(step.say)
    except StackError as error:
        terminal.line(f"\n{error}")
        return 1
    return 0


def chromium_ensure(say: Say) -> str:
    """Return a Chromium; where there is none, Debian's is installed as root, else Playwright's. Raises StackError."""
    if found := chromium_path():
        return found
    if is_root() and shutil.which("apt-get"):
        _run("Installing Debian's Chromium", ["apt-get", "update", "-q"], say)
        _run("Installing Debian's Chromium", ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"], say)
    else:
        _run("Installing Playwright's Chromium", [sys.executable, "-m", "playwright", "install", "chromium"], say)
    if found := chromium_path():
        return found
    raise StackError("No Chromium was found after installing one; install a package named chromium, then start again.")


def chromium_path() -> str | None:
    """Return the browser of PATH, else Playwright's own where it is installed; one that does not run counts as none."""
    if found := chromium_of_path():
        return found
    own = _playwright_path()
    return own if own and _runs(own) else None


def chromium_of_path() -> str | None:
    """Return the browser of PATH. Ubuntu's is no more than a sentence about a snap where there are no snaps."""
    found = filter(None, map(shutil.which, CHROMIUM_NAMES))
    return next(filter(_runs, found), None)


def _runs(browser: str) -> bool:
    try:
        done = subprocess.run([browser, "--version"], capture_output=True, timeout=VERSION_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _playwright_path() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _run(name: str, command: list[str], say: Say) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    Process(name, command, log_path=cache_dir() / "logs" / "chromium.log", env=env, grace=5).run(say, INSTALL_TIMEOUT)


if __name__ == "__main__":
    sys.exit(main())
