"""Which slot of llama.cpp answers a request: one that has read most of its prompt already.

A slot keeps the prompt it read last, and what a new one shares with it is not read again. Left to itself, llama.cpp takes
another slot where that one is still putting away an answer that nobody waits for any more, and reads all of the prompt
there: seconds, where the end of that answer takes a few hundredths of one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

ANSWER = 160  # characters of a prompt that are read in the time of an answer


@dataclass
class _Slot:
    number: int
    prompt: str = ""
    waiting: int = 0  # those who hold it or wait for it
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def cost(self, prompt: str) -> int:
        """Return what an answer to `prompt` waits for here, in characters to be read, and half of those it has others forget."""
        shared = _shared(self.prompt, prompt)
        return len(prompt) - shared + (len(self.prompt) - shared) // 2 + self.waiting * ANSWER


def _shared(one: str, other: str) -> int:
    """Return with how many characters both begin."""
    return next(
        (at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), min(len(one), len(other))
    )


class Slots:
    """The slots in the order in which they were used, the least recently used one first."""

    def __init__(self, count: int) -> None:
        self._slots = [_Slot(number) for number in range(count)]

    @asynccontextmanager
    async def held(self, prompt: str) -> AsyncIterator[int]:
        """Hold the slot that answers `prompt` soonest and yield its number."""
        slot = min(self._slots, key=lambda one: one.cost(prompt))
        self._slots.remove(slot)
        self._slots.append(slot)
        slot.waiting += 1
        try:
            async with slot.lock:
                slot.prompt = prompt
                yield slot.number
        finally:
            slot.waiting -= 1
