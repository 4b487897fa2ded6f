"""What script/up says before there is a Python environment to say it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from config.env import ROOT

UV = """#!/bin/sh
echo "Downloading av (34.1MiB)" >&2
echo " Downloaded av" >&2
echo " + av==18.1.0" >&2
echo "Installed 1 package in 1ms" >&2
exit {status}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "script").mkdir()
    shutil.copy(ROOT / "script" / "_lib.sh", tmp_path / "script")
    (tmp_path / ".venv").mkdir()
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def run(checkout: Path, words: str, path: str = os.defpath) -> subprocess.CompletedProcess[str]:
    env = {"PATH": path, "HOME": str(checkout)}
    command = ["/bin/sh", "-c", f"set -eu; . script/_lib.sh; {words}"]
    return subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_an_older_python_is_named_with_what_to_do(checkout: Path) -> None:
    program(checkout / "bin" / "python3", '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.13 && exit 0\nexit 1\n')
    done = run(checkout, "find_python", str(checkout / "bin"))
    assert done.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 is needed (found: Python 3.10.13)" in done.stderr
    assert "MERIDIAN_PYTHON" in done.stderr


def test_packages_come_without_a_line_for_each_that_is_installed(checkout: Path) -> None:
    program(checkout / "uv", UV.format(status=0))
    done = run(checkout, "wanted=embedded; UV=./uv; sync_packages; say all there")
    assert done.stdout.splitlines() == ["Downloading av (34.1MiB)", "Installed 1 package in 1ms", "all there"]


def test_packages_that_do_not_come_stop_the_start(checkout: Path) -> None:
    program(checkout / "uv", UV.format(status=2))
    (checkout / ".venv" / ".meridian-synced").touch()  # of a start before
    done = run(checkout, "wanted=embedded; UV=./uv; sync_packages || fail no packages; say all there")
    assert done.returncode == 1
    assert done.stderr == "Meridian: no packages\n"
    assert "all there" not in done.stdout
