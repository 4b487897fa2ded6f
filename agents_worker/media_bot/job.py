"""Entry points of a Media Bot job, called by livekit-agents in a thread of the worker."""

from __future__ import annotations

import logging

from livekit.agents import JobContext, JobProcess, inference
from pydantic import ValidationError

from agents_worker.contracts import Dispatch
from agents_worker.inline import InlineExecutor
from agents_worker.media_bot.announce import AnnouncementCall
from agents_worker.media_bot.call import MediaBotCall
from agents_worker.native import native_start
from agents_worker.warm import warm_up

logger = logging.getLogger(__name__)


def prewarm(process: JobProcess) -> None:
    """Load what every call needs before the first one arrives."""
    warm_up()
    native_start()
    process.userdata["vad"] = inference.VAD(min_silence_duration=0.5, executor=InlineExecutor())


async def entrypoint(ctx: JobContext) -> None:
    """Accompany the call that the dispatch metadata names, or speak its announcement."""
    try:
        dispatch = Dispatch.model_validate_json(ctx.job.metadata)
    except ValidationError as error:
        logger.error("dispatch metadata of %s is not usable: %s", ctx.job.room.name, error)
        ctx.shutdown("bad dispatch metadata")
        return
    if dispatch.announcement is not None:
        ctx.proc.userdata["call"] = speaking = AnnouncementCall(ctx, dispatch, dispatch.announcement)
        await speaking.start()
    else:
        ctx.proc.userdata["call"] = call = MediaBotCall(ctx, dispatch, ctx.proc.userdata["vad"])
        await call.start()


async def session_end(ctx: JobContext) -> None:
    """Deliver the last events before the job ends."""
    call: MediaBotCall | AnnouncementCall | None = ctx.proc.userdata.get("call")
    if call is not None:
        await call.settle()
