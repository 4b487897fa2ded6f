"""What Compass keeps. Every table lives in the tenant's own schema."""

from apps.compass.models.agents import Agent, AgentVersion, ProviderCredential, ToolSecret
from apps.compass.models.knowledge import Document, Passage
from apps.compass.models.tools import Tool

__all__ = ["Agent", "AgentVersion", "Document", "Passage", "ProviderCredential", "Tool", "ToolSecret"]
