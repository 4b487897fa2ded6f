"""What trying and checking agents used."""

from uuid import UUID

from apps.compass.chat import Cost, Usage, cost_of
from apps.compass.models.agents import AgentVersion
from apps.compass.models.checks import TrialUsage


def trial_usage_record(
    *,
    kind: TrialUsage.Kind,
    version: AgentVersion,
    usage: Usage,
    user_id: UUID | None = None,
    subject_id: UUID | None = None,
) -> Cost | None:
    """Keeps usage rows with what they cost now, once for each subject; the cost, or None where prices are unknown."""
    if not usage:
        return None
    cost = cost_of(usage)
    values = {
        "kind": kind,
        "agent_id": version.agent_id,
        "number": version.number,
        "user_id": user_id,
        "usage": usage,
        "cost": cost.amount if cost else None,
        "currency": cost.currency if cost else "",
    }
    if subject_id is None:
        TrialUsage.objects.create(**values)
    else:
        TrialUsage.objects.get_or_create(subject_id=subject_id, defaults=values)
    return cost
