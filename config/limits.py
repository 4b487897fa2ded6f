"""What spend limits learn of agents, and who is asked before one is tried or checked: the company's limits."""

from uuid import UUID

from apps.billing.neighbours import agents_register
from apps.billing.services.limits import spend_open
from apps.compass.chat import gate_register
from apps.compass.models import Agent


def gates_know() -> None:
    """Registers what is below."""
    gate_register(_refusal)
    agents_register(_agents)


def _agents() -> list[tuple[UUID, str]]:
    return sorted(Agent.objects.values_list("pk", "name"), key=lambda pair: pair[1].lower())


def _refusal(agent_id: UUID) -> str:
    """A person of the company reads it, so it says which limit it is."""
    return spend_open(agent_id=agent_id).reason
