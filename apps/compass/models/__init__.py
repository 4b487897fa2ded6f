"""What Compass keeps. Every table lives in the tenant's own schema."""

from apps.compass.models.agents import Agent, AgentVersion, ProviderCredential, ToolSecret

__all__ = ["Agent", "AgentVersion", "ProviderCredential", "ToolSecret"]
