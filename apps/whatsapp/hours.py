"""Who answers a number at a given moment."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.core.hours import hours_open
from apps.whatsapp.models import AgentPhoneMapping

OUT = AgentPhoneMapping.OutOfHours


@dataclass(frozen=True)
class Holder:
    """Who takes a new conversation: an agent, or else the team. `closed` is what the contact is told first."""

    agent_id: UUID | None
    team: str
    closed: str = ""


def holder_at(mapping: AgentPhoneMapping, moment: datetime, default_zone: str) -> Holder:
    """Who answers a number at a moment (aware)."""
    always = Holder(mapping.agent_id, mapping.team)
    if mapping.out_of_hours == OUT.SAME or hours_open(mapping.business_hours, moment, mapping.timezone or default_zone):
        return always
    if mapping.out_of_hours == OUT.AGENT:
        return Holder(mapping.out_of_hours_agent_id or mapping.agent_id, mapping.team)
    return Holder(None, mapping.team, mapping.out_of_hours_text)
