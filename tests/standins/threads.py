"""A stand-in on a thread of its own, for tests that are not asynchronous."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.standins.server import Standin

T = TypeVar("T", bound=Standin)
WAIT_SECONDS = 30.0


@contextmanager
def threaded(standin: T) -> Iterator[T]:
    """The stand-in, serving; nothing that it would have refused may have been sent to it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(WAIT_SECONDS)

    run(standin.__aenter__())
    try:
        yield standin
    finally:
        run(standin.__aexit__(None, None, None))
        run(_silence_end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert standin.problems == []


async def _silence_end() -> None:
    """Ends the answers that would never have come."""
    waiting = asyncio.all_tasks() - {asyncio.current_task()}
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
