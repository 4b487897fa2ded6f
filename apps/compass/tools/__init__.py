"""What agents can do: the tenant's own addresses, built-in tools and MCP servers, run for Atlas and Herald alike."""

from apps.compass.tools.offers import Offer, offers_of, tool_specs
from apps.compass.tools.run import UnknownTool, tool_run

__all__ = ["Offer", "UnknownTool", "offers_of", "tool_run", "tool_specs"]
