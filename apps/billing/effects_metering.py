"""What the outbox does for metering: usage that was told is charged."""

from datetime import datetime
from typing import Any

from apps.billing.services.metering import USAGE, usage_record
from apps.core.models import OutboundEffect
from apps.core.outbox import sender


@sender(USAGE)
def usage_effect(effect: OutboundEffect) -> str:
    """Writes the entry; returns its id. Doing it again finds the one that is there."""
    told: dict[str, Any] = dict(effect.payload)
    told["at"] = datetime.fromisoformat(told["at"])
    return str(usage_record(tenant=None, **told).entry.pk)
