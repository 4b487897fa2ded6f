"""Every read of Compass, in the current tenant's schema."""

from apps.compass.selectors.agents import (
    AgentUnavailable,
    agent_by_slug,
    agent_config,
    agent_for_call,
    agent_names,
    agent_published,
    agents_all,
    credentials_for,
)

__all__ = [
    "AgentUnavailable",
    "agent_by_slug",
    "agent_config",
    "agent_for_call",
    "agent_names",
    "agent_published",
    "agents_all",
    "credentials_for",
]
