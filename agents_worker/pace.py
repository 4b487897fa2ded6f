"""Calls begin one after the other on a busy machine: a begin takes a core for a second, and the calls in progress need it too."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from livekit.agents.utils.hw.cpu import get_cpu_monitor

_BEGIN_SECONDS = 1.5  # after which the begin before has had its share
_BUSY = 0.85  # of all processors
_MEASURED_SECONDS = 0.2


async def processors_busy() -> float:
    """The share of this machine's (or container's) processors used, measured for a fifth of a second."""
    return await asyncio.get_running_loop().run_in_executor(None, get_cpu_monitor().cpu_percent, _MEASURED_SECONDS)


class Pace:
    """`longest` is how many seconds a begin may be put off while Media Bot rings."""

    def __init__(
        self,
        longest: float,
        busy: Callable[[], Awaitable[float]] = processors_busy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._longest = longest
        self._busy = busy
        self._clock = clock
        self._line = asyncio.Lock()
        self._begun_at = float("-inf")

    async def turn(self) -> None:
        """Until a call may begin: at once, unless another one has just begun and the processors are busy."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._longest), self._line:
                while self._clock() - self._begun_at < _BEGIN_SECONDS and await self._busy() > _BUSY:
                    pass
                self._begun_at = self._clock()
