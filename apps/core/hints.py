"""Redis as a hint to hurry: losing one only costs a sweep."""

import threading
import time
from collections.abc import Callable
from functools import cache

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)


@cache
def redis_client() -> "redis.Redis":
    """The one client of this process, for hints and limits; answers are text. Its calls raise redis.RedisError within 2 s."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, decode_responses=True)


class HintsThread:
    """Sends hints beside the requests that ask for them: many that ask within a few milliseconds make one."""

    PAUSE = 0.003  # seconds between two hints, which bounds what hints cost at any rate of events

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._wake: Callable[[], None] = lambda: None
        threading.Thread(target=self._run, name="hints", daemon=True).start()

    def ask(self, wake: Callable[[], None]) -> None:
        """Returns at once; `wake` is called soon after."""
        self._wake = wake
        self._asked.set()

    def _run(self) -> None:
        while self._asked.wait():
            self._asked.clear()
            try:
                self._wake()
            except Exception:  # the base of this thread: without it, nobody would be woken by this process again
                log.exception("hint_failed")
            time.sleep(self.PAUSE)


@cache
def hints_thread() -> HintsThread:
    """The one of this process, started at its first event (a fork would lose one started earlier)."""
    return HintsThread()
