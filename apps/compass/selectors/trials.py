"""What is tried: the draft as it stands, or what is published where nobody has changed it since."""

from uuid import UUID

from apps.compass.models.agents import AgentVersion
from apps.compass.selectors.agents import agent_published


def agent_for_trial(agent_id: UUID | str) -> AgentVersion:
    """The draft of an agent, enabled or not, else its published version. Raises AgentUnavailable."""
    draft = AgentVersion.objects.select_related("agent").filter(agent_id=agent_id, state=AgentVersion.State.DRAFT).first()
    return draft or agent_published(agent_id)
