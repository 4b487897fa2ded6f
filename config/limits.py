"""Who is asked before an agent is tried or checked: the company's spend limits."""

from uuid import UUID

from apps.billing.services.limits import spend_open
from apps.compass.chat import gate_register


def gates_know() -> None:
    """Registers what is below."""
    gate_register(_refusal)


def _refusal(agent_id: UUID) -> str:
    """A person of the company reads it, so it says which limit it is."""
    return spend_open(agent_id=agent_id).reason
