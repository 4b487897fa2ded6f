"""The first token decides: a model that keeps the caller waiting is covered up, then replaced."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from livekit.agents import APIError

logger = logging.getLogger(__name__)

Chunk = TypeVar("Chunk")

# how many further deadlines the last model gets while the filler covers the wait
LAST_CHANCE = 1


class ModelSilent(Exception):
    """No model gave a first token in the time it had."""


@dataclass(frozen=True)
class Candidate(Generic[Chunk]):
    """A model and how to ask it. `open` starts the request; `close` of the iterator ends it."""

    name: str
    open: Callable[[], AsyncGenerator[Chunk, None]]


@dataclass(frozen=True)
class Filler:
    """Yielded once, when the first deadline passed in silence."""


class _Asked(Generic[Chunk]):
    """One candidate being waited for."""

    def __init__(self, candidate: Candidate[Chunk]) -> None:
        self.name = candidate.name
        self.stream = candidate.open()
        self.first: asyncio.Task[Chunk] = asyncio.create_task(self._first())

    async def _first(self) -> Chunk:
        return await anext(self.stream)

    async def aclose(self) -> None:
        self.first.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, APIError):
            await self.first
        await self.stream.aclose()


async def answer(candidates: Sequence[Candidate[Chunk]], *, deadline: float) -> AsyncIterator[Chunk | Filler]:
    """Chunks of the first candidate that starts to answer.

    Each has `deadline` seconds for its first chunk. The first time that passes, a Filler is
    yielded for the caller's ears. The last candidate is waited for LAST_CHANCE deadlines more.
    An error counts as silence that ended early. Raises ModelSilent when none answered.
    """
    covered = False
    for index, candidate in enumerate(candidates):
        asked = _Asked(candidate)
        last = index == len(candidates) - 1
        try:
            ready = await _wait(asked, deadline)
            if not ready:
                logger.warning("%s gave no token in %.1f s", candidate.name, deadline)
                if not covered:
                    covered = True
                    yield Filler()
                if last:
                    ready = await _wait(asked, LAST_CHANCE * deadline)
            if not ready or (first := _outcome(asked)) is None:
                continue
            yield first
            async for chunk in asked.stream:
                yield chunk
            return
        finally:
            await asked.aclose()
    raise ModelSilent(", ".join(candidate.name for candidate in candidates))


async def _wait(asked: _Asked[Chunk], seconds: float) -> bool:
    done, _ = await asyncio.wait([asked.first], timeout=seconds)
    return bool(done)


def _outcome(asked: _Asked[Chunk]) -> Chunk | None:
    """The first chunk; None when the model failed or ended without saying anything."""
    error = asked.first.exception()
    if error is None:
        return asked.first.result()
    if isinstance(error, APIError | StopAsyncIteration):
        logger.warning("%s did not answer: %s", asked.name, error or "empty answer")
        return None
    raise error
