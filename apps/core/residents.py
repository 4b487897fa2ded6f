"""Threads that a worker keeps beside its tasks: they drain the inbox at a hint, and do at its time what can wait in memory.

Every message of every contact passes here several times, and a task through Celery's queue costs several milliseconds of a
processor. Nothing depends on these threads: what they lose with their process, the sweepers find in Postgres.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis
import structlog
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections

from apps.core.hints import redis_client

log = structlog.get_logger(__name__)

QUEUE = "calls"  # the workers that consume it have residents
KEY = "meridian:wakes:inbox"
KEPT = 8  # hints that wait at most; each makes somebody look until nothing is due
DRAINERS = 3
LATER_THREADS = 4
WAIT_SECONDS = 5
PAUSE_SECONDS = 1.0  # after Redis or Postgres failed
STOP_SECONDS = 8.0

_stopping = threading.Event()


def resident_wake() -> None:
    """Has a drainer of some worker look at the inbox. Raises redis.RedisError."""
    with redis_client().pipeline(transaction=False) as pipe:
        pipe.rpush(KEY, 1)
        pipe.ltrim(KEY, -KEPT, -1)
        pipe.execute()


class Later:
    """Calls of this process that wait for their time. A call that waits under a key is replaced by the next one of that key."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._calls: dict[str, tuple[int, Callable[[], object]]] = {}
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(LATER_THREADS, thread_name_prefix="later")
        threading.Thread(target=self._run, name="later-clock", daemon=True).start()

    def put(self, key: str, seconds: float, call: Callable[[], object]) -> None:
        """Calls once in `seconds`, in a thread of its own."""
        number = next(self._numbers)
        with self._changed:
            self._calls[key] = (number, call)
            heapq.heappush(self._heap, (time.monotonic() + seconds, number, key))
            self._changed.notify()

    def close(self) -> None:
        """Lets what runs end; what waits is the sweepers'."""
        with self._changed:
            self._calls.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        while True:
            call = self._next()
            if not _stopping.is_set():
                self._pool.submit(guarded, call)

    def _next(self) -> Callable[[], object]:
        """Waits until the next call is due."""
        with self._changed:
            while True:
                left = self._heap[0][0] - time.monotonic() if self._heap else None
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                _, number, key = heapq.heappop(self._heap)
                if self._calls.get(key, (None,))[0] == number:
                    return self._calls.pop(key)[1]


_later: list[Later] = []
_drainers: list[threading.Thread] = []


def later(key: str, seconds: float, call: Callable[[], object]) -> bool:
    """Has a resident of this process do it then; false where it has none, as in the web process. It may be lost."""
    if not _later or _stopping.is_set():
        return False
    _later[0].put(key, seconds, call)
    return True


def guarded(call: Callable[[], object]) -> bool:
    """Runs a resident's call as a task base would: with a connection that is well, and every failure told."""
    close_old_connections()
    try:
        call()
    except Exception:  # the base of what residents do: the sweepers do it then
        log.exception("resident_failed")
        return False
    finally:
        close_old_connections()
    return True


def _drain_always() -> None:
    from apps.core.inbox import inbox_drain_on

    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=WAIT_SECONDS * 2, socket_connect_timeout=2)
    while not _stopping.is_set():
        try:
            asked = client.blpop([KEY], timeout=WAIT_SECONDS)
        except redis.RedisError as error:
            log.warning("hints_unavailable", error=type(error).__name__)
            _stopping.wait(PAUSE_SECONDS)
            continue
        if asked and not _stopping.is_set() and not guarded(inbox_drain_on):
            _stopping.wait(PAUSE_SECONDS)


def residents_start() -> None:
    """In the worker's own process, once."""
    _later.append(Later())
    _drainers.extend(threading.Thread(target=_drain_always, name=f"drainer-{number}", daemon=True) for number in range(DRAINERS))
    for thread in _drainers:
        thread.start()


@worker_ready.connect
def _start(sender: Any, **_: object) -> None:
    if QUEUE in sender.app.amqp.queues.consume_from:
        residents_start()


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    _stopping.set()


@worker_shutdown.connect
def _ended(**_: object) -> None:
    until = time.monotonic() + STOP_SECONDS
    for one in _later:
        one.close()
    for thread in _drainers:
        thread.join(max(0.0, until - time.monotonic()))
