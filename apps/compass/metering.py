"""What Compass uses is told to whoever charges for it: config/metering.py says who. Where nobody does, nothing happens."""

from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from django.utils import timezone

from apps.compass.chat import Usage
from apps.core.ids import uuid7

Source = Literal["knowledge", "trial", "check", "tool"]


class Charge(Protocol):
    """Takes usage rows (contracts.md, Billing) of the current tenant, each source once, in the caller's transaction."""

    def __call__(
        self,
        *,
        source_type: str,
        source_id: str,
        usage: Usage,
        at: datetime,
        agent_id: UUID | str | None = None,
        call_id: UUID | str | None = None,
    ) -> None: ...


_charges: list[Charge] = []


def charge_register(charge: Charge) -> None:
    """Says who charges; the last one counts."""
    _charges[:] = [charge]


def usage_tell(source: Source, source_id: str, usage: Usage, *, at: datetime | None = None, **facts: Any) -> None:
    """Tells what one source used, once and for all. `facts`: agent_id, call_id."""
    if usage and _charges:
        _charges[0](source_type=source, source_id=source_id, usage=usage, at=at or timezone.now(), **facts)


def tool_tell(kind: str, *, agent_id: str, call_id: str | None) -> None:
    """Tells of a run of a tool that reached somebody else's service; each run is a source of its own, since each really ran."""
    usage = [{"kind": "tool", "provider": "meridian", "model": f"run/{kind}", "runs": 1}]
    usage_tell("tool", str(uuid7()), usage, agent_id=agent_id, call_id=call_id)
