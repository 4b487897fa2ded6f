"""Entry points of a Media Bot job, called by livekit-agents in a thread of the worker."""

from __future__ import annotations

from livekit.agents import JobContext, JobProcess


def prewarm(process: JobProcess) -> None:
    """Nothing to load yet."""


async def entrypoint(ctx: JobContext) -> None:
    """Join the room."""
    await ctx.connect()


async def session_end(ctx: JobContext) -> None:
    """Nothing to deliver yet."""
