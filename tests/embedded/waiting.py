"""Waiting for a condition instead of for a time."""

import time
from collections.abc import Callable

import psutil


def wait_until(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    """Return once the condition holds; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether no process with this id runs any more."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
