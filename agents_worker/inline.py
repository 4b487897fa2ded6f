"""An executor that runs work where it is submitted: for work shorter than the way to another thread and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any


class InlineExecutor(Executor):
    """For `run_in_executor` alone: runs each call in the loop's own thread.

    The loop hands a future of its own on as it is; one of an executor's costs it a wake-up through a socket.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """The result in a future that is done. Raises RuntimeError where no loop runs."""
        future = asyncio.get_running_loop().create_future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - what it raises belongs to whoever waits
            future.set_exception(error)
        return future
