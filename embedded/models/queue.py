"""How many requests a model works on at once, and how many may wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from embedded.models.errors import ApiError


class Line:
    """Lets `at_once` requests in, has `waiting` more wait and refuses the rest with 429."""

    def __init__(self, name: str, *, at_once: int, waiting: int) -> None:
        self.name = name
        self._slots = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._inside = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises ApiError 429 when too many wait already."""
        if self._inside >= self._room:
            message = f"The local {self.name} model is busy; try again in a second."
            raise ApiError(message, status=429, code="rate_limit_exceeded")
        self._inside += 1
        try:
            async with self._slots:
                yield
        finally:
            self._inside -= 1
