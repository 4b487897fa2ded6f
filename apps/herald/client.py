"""Clients of language models, and the one event loop of this process on which they are asked.

A deadline is real there: when it passes, the request is cancelled and its connection closed, and no thread stays behind.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from functools import cache, lru_cache
from typing import Any, TypeVar

import httpx2
import openai

from apps.compass.outgoing import LIMITS, is_tenants, openai_http_async

T = TypeVar("T")
TIMEOUT = httpx2.Timeout(connect=5.0, read=60.0, write=10.0, pool=5.0)

_starting = threading.RLock()  # a signal may come while its own thread starts the loop
_running: set["concurrent.futures.Future[Any]"] = set()


def in_background(work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
    """Starts `work` on the loop and returns at once; cancelling the future cancels the work."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    _running.add(future)
    future.add_done_callback(_running.discard)
    return future


def cancel_all(after: float) -> None:
    """Cancels whatever is still under way `after` seconds from now. Safe to call from a signal handler."""
    _loop().call_soon_threadsafe(_loop().call_later, after, _cancel_running)


def _cancel_running() -> None:
    for future in list(_running):
        future.cancel()


@lru_cache(maxsize=512)
def client_for(api_key: str, base_url: str | None) -> openai.AsyncOpenAI:
    """The client of one account; all share one pool of connections. Retries are the caller's, who knows the deadline."""
    http = _http_guarded() if is_tenants(base_url) else _http()
    return openai.AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0, timeout=TIMEOUT, http_client=http)


@cache
def _http() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=TIMEOUT, limits=LIMITS, follow_redirects=True)


@cache
def _http_guarded() -> httpx2.AsyncClient:
    return openai_http_async(TIMEOUT)


def _loop() -> asyncio.AbstractEventLoop:
    """The one loop, also when a process's first turns come at once: connections of one loop break on another."""
    with _starting:
        return _loop_start()


@cache
def _loop_start() -> asyncio.AbstractEventLoop:
    """Started at the first turn of the process (a fork would lose one started earlier)."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="herald-models", daemon=True).start()
    return loop
