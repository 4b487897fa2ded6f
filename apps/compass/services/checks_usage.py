"""What trying and checking agents used."""

from uuid import UUID

from django.db import transaction

from apps.compass.chat import Cost, Usage, cost_of
from apps.compass.metering import Source, usage_tell
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
    """Keeps usage rows with what they cost now, and has them charged, once for each subject.

    The cost, or None where prices are unknown.
    """
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
    with transaction.atomic():
        if subject_id is None:
            kept = TrialUsage.objects.create(**values)
        else:
            kept, _created = TrialUsage.objects.get_or_create(subject_id=subject_id, defaults=values)
        source: Source = "check" if kept.kind == TrialUsage.Kind.CHECK else "trial"
        usage_tell(source, str(kept.pk), kept.usage, at=kept.at, agent_id=version.agent_id)
    return cost
