"""One look-up for all who ask the same at once, as every browser does after the subscription was interrupted."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary


class Shared:
    """One look-up at a time; those who ask while it runs share the next one, so no answer is older than its question."""

    def __init__(self) -> None:
        self._next: dict[Hashable, asyncio.Task[Any]] = {}
        self._turn = asyncio.Lock()

    async def ask(self, key: Hashable, look_up: Callable[[], Awaitable[Any]]) -> Any:
        """The answer for `key`; whoever goes away meanwhile takes nobody's answer along. Raises what the look-up raises."""
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._answer(key, look_up))
        return await asyncio.shield(self._next[key])

    async def _answer(self, key: Hashable, look_up: Callable[[], Awaitable[Any]]) -> Any:
        async with self._turn:
            del self._next[key]
            return await look_up()


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Shared] = WeakKeyDictionary()


def shared() -> Shared:
    """That of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loops:
        _of_loops[loop] = Shared()
    return _of_loops[loop]
