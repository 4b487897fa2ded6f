"""Waiting for what has to happen: by condition, with patience for a busy machine."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 60.0
POLL_SECONDS = 0.05


async def until(check: Callable[[], T | Awaitable[T]], what: str, *, patience: float = PATIENCE) -> T:
    """What `check` gives once it gives something. Fails naming `what` when that takes longer than `patience` seconds."""
    found: T | None = None
    try:
        async with asyncio.timeout(patience):
            while not found:
                answer = check()
                found = await answer if inspect.isawaitable(answer) else answer
                if not found:
                    await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"{what}: this did not happen within {patience:.0f} s") from None
    assert found is not None
    return found
