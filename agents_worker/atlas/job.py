"""Entry points of an Atlas job, called by livekit-agents in the job's own process."""

from __future__ import annotations

import logging

from livekit.agents import JobContext, JobProcess, inference
from pydantic import ValidationError

from agents_worker.atlas.call import AtlasCall
from agents_worker.contracts import Dispatch
from agents_worker.inline import InlineExecutor
from agents_worker.native import native_start
from agents_worker.warm import warm_up

logger = logging.getLogger(__name__)

warm_up()  # also where this module is preloaded, so that every job's process inherits it


def prewarm(process: JobProcess) -> None:
    """Load what every call needs before the first one arrives."""
    native_start()
    process.userdata["vad"] = inference.VAD(executor=InlineExecutor())


async def entrypoint(ctx: JobContext) -> None:
    """Hold the call that the dispatch metadata names."""
    try:
        dispatch = Dispatch.model_validate_json(ctx.job.metadata)
    except ValidationError as error:
        logger.error("dispatch metadata of %s is not usable: %s", ctx.job.room.name, error)
        ctx.shutdown("bad dispatch metadata")
        return
    call = AtlasCall(ctx, dispatch, ctx.proc.userdata["vad"])
    ctx.proc.userdata["call"] = call
    await call.start()


async def session_end(ctx: JobContext) -> None:
    """Deliver the last events and the bill before the job's process goes."""
    call: AtlasCall | None = ctx.proc.userdata.get("call")
    if call is not None:
        await call.settle()
