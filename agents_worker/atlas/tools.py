"""Tools the model may call: the agent's own, run by Compass, and `end_call`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from livekit.agents import RunContext, ToolError, function_tool, llm

from agents_worker.atlas.knowledge import SEARCH, sources_of
from agents_worker.backend import ApiRefused, ApiUnavailable, CallApi, ToolFailed
from agents_worker.contracts import AnyEvent, ToolEvent, ToolSpec

logger = logging.getLogger(__name__)

END_CALL = "end_call"
_END_CALL_DESCRIPTION = (
    "End the phone call. Use it when the caller says goodbye or has nothing more to ask. "
    "Do not use it when the caller only pauses or when you are not sure."
)

Publish = Callable[[AnyEvent], None]


def compass_tools(specs: list[ToolSpec], api: CallApi, publish: Publish) -> list[llm.Tool]:
    """One tool for each the agent has; Compass runs it, so no secret reaches the worker."""
    return [_compass_tool(spec, api, publish) for spec in specs if spec.name != END_CALL]


def _compass_tool(spec: ToolSpec, api: CallApi, publish: Publish) -> llm.Tool:
    async def run(raw_arguments: dict[str, object]) -> str:
        started = time.monotonic()
        try:
            result = await api.tool_run(spec.name, raw_arguments)
        except (ApiRefused, ApiUnavailable, ToolFailed) as error:
            publish(_tool_event(spec.name, started, error=str(error)))
            raise ToolError(f"{spec.name} failed: {_reason(error)}") from error
        sources = sources_of(result) if spec.name == SEARCH else []
        publish(_tool_event(spec.name, started, sources=sources))
        return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)

    schema = {
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.parameters or {"type": "object", "properties": {}},
    }
    return function_tool(run, raw_schema=schema)


def _reason(error: Exception) -> str:
    """What the model may know; an address or a status is no help to a caller."""
    if isinstance(error, ApiUnavailable):
        return "it did not answer"
    return error.detail if isinstance(error, ApiRefused) else str(error)


def _tool_event(name: str, started: float, error: str | None = None, sources: Sequence[str] = ()) -> ToolEvent:
    seconds = round(time.monotonic() - started, 3)
    return ToolEvent(name=name, ok=error is None, duration=seconds, error=error, sources=list(sources))


def end_call_tool(on_end: Callable[[], None], spoke: Callable[[], bool]) -> llm.Tool:
    """`end_call`: hangs up once the goodbye has been heard.

    `spoke` tells whether the agent already spoke in this turn; if not, the model is asked for
    a goodbye first.
    """

    async def end_call(context: RunContext[Any]) -> str | None:
        await context.wait_for_playout()
        context.speech_handle.add_done_callback(lambda _: on_end())
        return None if spoke() else "The call is about to end. Say a short goodbye."

    return function_tool(end_call, name=END_CALL, description=_END_CALL_DESCRIPTION)
