"""Running a tool for a model."""

from typing import Any

from apps.compass.knowledge.tool import tools_runnable
from apps.compass.metering import tool_tell
from apps.compass.models import AgentVersion
from apps.compass.registry import ToolContext
from apps.compass.tools.offers import offers_of
from apps.core.errors import MeridianError

CHARGED = ("http", "mcp")


class UnknownTool(MeridianError):
    """The agent's published version has no such tool."""


def tool_run(*, version: AgentVersion, name: str, arguments: dict[str, Any], context: ToolContext) -> Any:
    """What the tool returns, as JSON. Raises UnknownTool, or ToolFailed with a sentence that the model can use."""
    offer = next((offer for offer in offers_of(tools_runnable(version.config)) if offer.name == name), None)
    if offer is None:
        raise UnknownTool(f"{version.agent} has no tool named {name}.")
    result = offer.run(context, arguments)
    if offer.kind in CHARGED:
        tool_tell(offer.kind, agent_id=context.agent_id, call_id=context.subject_id if context.subject_kind == "call" else None)
    return result
