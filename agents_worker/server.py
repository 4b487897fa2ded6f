"""One livekit-agents worker: its capacity, its start and its end."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from livekit.agents import AgentServer, JobExecutorType, JobRequest, utils
from pydantic import ValidationError

from agents_worker.contracts import Dispatch
from agents_worker.pace import Pace
from agents_worker.settings import WorkerSettings

logger = logging.getLogger(__name__)

AgentName = Literal["atlas", "media-bot"]

# livekit-server passes over a worker whose load is above its target (0.7 by default)
_LOAD_WHEN_OPEN = 0.69
_SETTLE_SECONDS = 600.0
_PARENT_POLL_SECONDS = 1.0
_CLOSE_SECONDS = 20
# the SDK's watch over a blocked event loop is a timer and a thread at 50 Hz in every call: 1 % of a core each
_LOOP_WATCH = "LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS"


class Admission:
    """Takes jobs by number, not by CPU: a busy moment must not turn a caller away.

    `apologies` are taken beyond the limit, for announcements alone: who is turned away because all are busy is told so.
    """

    def __init__(self, running: Callable[[], int], limit: int, pace: Pace | None = None, *, apologies: int = 0) -> None:
        self._running = running
        self._limit = limit
        self._pace = pace
        self._apologies = apologies
        self._starting = 0

    def load(self) -> float:
        """Below the server's target until full, then 1."""
        most = self._limit + self._apologies
        if self._running() >= most:
            return 1.0
        return _LOAD_WHEN_OPEN * self._running() / most

    async def on_request(self, request: JobRequest) -> None:
        most = self._limit + (self._apologies if self._apologies and announces(request.job.metadata) else 0)
        if self._running() + self._starting >= most:
            logger.warning("full with %d calls: a job goes elsewhere", most)
            await request.reject(terminate=False)
            return
        self._starting += 1
        try:
            if self._pace is not None:
                await self._pace.turn()
            await request.accept()
        finally:
            self._starting -= 1


def announces(metadata: str) -> bool:
    """Whether a dispatch is for an announcement only: a sentence, and the call's end."""
    try:
        return Dispatch.model_validate_json(metadata).announcement is not None
    except ValidationError:
        return False


def server_build(name: AgentName, settings: WorkerSettings) -> AgentServer:
    """The worker of one agent, not started. Atlas's calls get a process each."""
    atlas = name == "atlas"
    server = AgentServer(
        job_executor_type=JobExecutorType.PROCESS if atlas else JobExecutorType.THREAD,
        load_threshold=math.inf,  # admission is by number, in on_request
        num_idle_processes=settings.idle_processes if atlas else 1,
        initialize_process_timeout=60.0,
        session_end_timeout=_SETTLE_SECONDS,
        drain_timeout=settings.drain_seconds,
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key,
        api_secret=settings.livekit_api_secret,
        host="127.0.0.1",
        port=settings.atlas_health_port if atlas else settings.media_bot_health_port,
        preload_modules=["agents_worker.atlas.job"] if atlas else None,
    )
    # Media Bot is what the caller hears while Atlas waits
    pace = Pace(settings.begin_wait_seconds) if atlas and settings.begin_wait_seconds else None
    apologies = 0 if atlas else settings.max_calls
    admission = Admission(lambda: len(server.active_jobs), settings.max_calls, pace, apologies=apologies)
    server.load_fnc = admission.load
    if atlas:
        from agents_worker.atlas import job as atlas_job

        server.setup_fnc = atlas_job.prewarm
        server.rtc_session(
            atlas_job.entrypoint,
            agent_name=name,
            on_request=admission.on_request,
            on_session_end=atlas_job.session_end,
        )
    else:
        from agents_worker.media_bot import job as media_bot_job

        server.setup_fnc = media_bot_job.prewarm
        server.rtc_session(
            media_bot_job.entrypoint,
            agent_name=name,
            on_request=admission.on_request,
            on_session_end=media_bot_job.session_end,
        )
    return server


async def server_run(server: AgentServer, parent_pid: int | None = None) -> None:
    """Run until SIGTERM or SIGINT; running calls are then let to their end.

    A second signal, or the end of the parent process, ends them at once.
    """
    stopping, at_once = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (at_once if stopping.is_set() else stopping).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    watching = asyncio.create_task(_watch_parent(parent_pid, at_once))
    running = asyncio.create_task(server.run())
    await _first_of(running, stopping.wait(), at_once.wait())
    if not running.done():
        await _first_of(server.drain(), at_once.wait())
        await _close(server)
    watching.cancel()
    await running


async def _first_of(*awaitables: Awaitable[Any]) -> None:
    """Until one of them is done; the others are cancelled unless they are tasks of their own."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task, awaitable in zip(tasks, awaitables, strict=True):
        if task is not awaitable:
            task.cancel()
    for error in (t.exception() for t in tasks if t.done() and not t.cancelled()):
        if isinstance(error, TimeoutError):
            logger.warning("calls were still running when the time to drain was over")


async def _close(server: AgentServer) -> None:
    """End what still runs. A job that does not end in time goes with this process."""
    try:
        await asyncio.wait_for(server.aclose(), _CLOSE_SECONDS)
    except TimeoutError:
        logger.error("jobs did not end within %d s and are left to die", _CLOSE_SECONDS)
        sys.stderr.flush()
        os._exit(1)


async def _watch_parent(parent_pid: int | None, gone: asyncio.Event) -> None:
    poll = utils.aio.interval(_PARENT_POLL_SECONDS)
    while parent_pid is None or os.getppid() == parent_pid:
        await poll.tick()
    gone.set()


def worker_main(name: AgentName, settings: WorkerSettings) -> None:
    """Run one agent's worker in this process until it is told to stop."""
    logging.basicConfig(
        level=logging.INFO,
        format=f"%(asctime)s %(levelname)s {name} %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for chatty in ("httpx2", "aiohttp.access"):  # each request, such as the probe every ten seconds
        logging.getLogger(chatty).setLevel(logging.WARNING)
    os.environ.setdefault(_LOOP_WATCH, "0")
    if name == "media-bot":  # the end-of-turn model is Atlas's alone, and large
        os.environ.setdefault("LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE", "0")
    status = 0
    try:
        asyncio.run(server_run(server_build(name, settings), settings.parent_pid))
    except (RuntimeError, OSError) as error:  # LiveKit stayed away, or the health port is taken
        logger.error("%s stopped: %s", name, error)
        status = 1
    logging.shutdown()
    os._exit(status)  # a job's thread that does not end must not keep the process
