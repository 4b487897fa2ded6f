"""Processes forked from one that has imported what they need behave as processes of their own."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from embedded.errors import StackError
from embedded.nursery import Nursery
from embedded.process import Process

SHARED = """
import os
print("said while importing")
IMPORTED_BY = os.getpid()
"""
CHILD = """
import json, os, sys, time
import shared_by_all
if __name__ == "__main__":
    told = dict(
        arguments=sys.argv[1:], setting=os.environ.get("SETTING"), other=os.environ.get("OTHER"),
        leader=os.getsid(0) == os.getpid(), imported_by=shared_by_all.IMPORTED_BY, folder=os.getcwd(), read=sys.stdin.read(),
    )
    print(json.dumps(told))
    if sys.argv[1] == "stay":
        time.sleep(600)
    if sys.argv[1] == "fail":
        raise ValueError("no such thing")
    if sys.argv[1] == "sentence":
        sys.exit("the port is taken")
    sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else None)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared_by_all.py").write_text(SHARED)
    (tmp_path / "child_of_all.py").write_text(CHILD)
    (tmp_path / "starts_a_thread.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    return tmp_path


@pytest.fixture
def nursery(folder: Path) -> Iterator[Nursery]:
    made = _nursery(folder, "shared_by_all")
    yield made
    made.stop()


def _nursery(folder: Path, module: str) -> Nursery:
    return Nursery([module], os.environ | {"PYTHONPATH": str(folder), "OTHER": "the nursery's"}, folder / "nursery.log")


def _process(folder: Path, nursery: Nursery, *arguments: str) -> Process:
    env = {"PATH": os.environ["PATH"], "SETTING": "given"}
    command = [sys.executable, "-m", "child_of_all", *arguments]
    return Process("child", command, log_path=folder / "child.log", env=env, cwd=folder, nursery=nursery)


def _ended(process: Process) -> int | None:
    process.start()
    assert process._popen is not None
    return process._popen.wait(30)


def test_a_fork_has_its_own_arguments_environment_folder_and_session_and_the_libraries_of_all(
    folder: Path, nursery: Nursery
) -> None:
    process = _process(folder, nursery, "tell", "0")
    assert _ended(process) == 0
    told = json.loads(process.log_tail()[-1])
    imported_by = told.pop("imported_by")
    assert told == {
        "arguments": ["tell", "0"],
        "setting": "given",
        "other": None,
        "leader": True,
        "folder": str(folder),
        "read": "",
    }
    assert imported_by == nursery._popen.pid != process.pid
    assert "said while importing" in nursery.log_path.read_text()
    process.stop()


@pytest.mark.parametrize(("arguments", "code"), [(("tell",), 0), (("tell", "7"), 7), (("fail",), 1), (("sentence",), 1)])
def test_it_ends_as_python_ends(folder: Path, nursery: Nursery, arguments: tuple[str, ...], code: int) -> None:
    process = _process(folder, nursery, *arguments)
    assert _ended(process) == code
    assert not process.running
    if arguments == ("fail",):
        assert process.death() == f"child ended with exit code 1 (ValueError: no such thing); its log is {process.log_path}."
    if arguments == ("sentence",):
        assert process.log_tail()[-1] == "the port is taken"
    process.stop()


def test_it_is_stopped_and_started_again_with_a_fresh_log(folder: Path, nursery: Nursery) -> None:
    process = _process(folder, nursery, "stay")
    process.start()
    process.wait_ready(lambda: process.logged("stay"), 30)
    first = process.pid
    process.stop()
    assert process.exit_code == -signal.SIGTERM
    assert not psutil.pid_exists(first)
    with process:
        process.wait_ready(lambda: process.logged("stay"), 30)
        assert process.running
        assert process.pid != first
    assert process.log_path.read_text().count("arguments") == 1


def test_a_killed_one_is_told_by_its_signal_while_its_sister_goes_on(folder: Path, nursery: Nursery) -> None:
    killed, sister = _process(folder, nursery, "stay"), _process(folder, nursery, "stay")
    sister.log_path = folder / "sister.log"
    with killed, sister:
        os.killpg(killed.pid, signal.SIGKILL)
        assert killed._popen is not None
        assert killed._popen.wait(30) == -signal.SIGKILL
        assert "was ended by signal 9" in killed.death()
        assert sister.running


def test_without_its_nursery_a_process_is_still_stopped_and_none_can_be_started(folder: Path) -> None:
    nursery = _nursery(folder, "shared_by_all")
    process = _process(folder, nursery, "stay")
    process.start()
    pid = process.pid
    os.kill(nursery._popen.pid, signal.SIGKILL)
    nursery._popen.wait(30)
    assert process.running
    with pytest.raises(StackError, match="that starts the others is gone"):
        _process(folder, nursery, "tell").start()
    os.kill(pid, signal.SIGKILL)
    process.stop()
    assert process.exit_code == -signal.SIGKILL
    nursery.stop()


@pytest.mark.parametrize(
    ("module", "sentence"), [("not_to_be_found", "No module named 'not_to_be_found'"), ("starts_a_thread", "started a thread")]
)
def test_what_cannot_be_imported_or_forked_is_told_with_its_log(folder: Path, module: str, sentence: str) -> None:
    nursery = _nursery(folder, module)
    with pytest.raises(StackError, match=sentence) as told:
        _process(folder, nursery, "tell").start()
    assert str(folder / "nursery.log") in str(told.value)
    nursery.stop()
