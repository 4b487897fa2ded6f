"""A call that runs while its company is suspended: the caller hears that it has to end, and the agents leave."""

from apps.calls import livekit
from apps.calls.models import Call, Dispatch, EndedReason
from apps.calls.services.arrivals import call_refuse
from apps.calls.services.calls import call_end
from apps.calls.services.dispatches import dispatch_withdraw

DETAIL = "The company was suspended while the call ran."


def suspended_call_end(call: Call, room: livekit.Room | None) -> None:
    """Ends the call; it is billed like any other, from what its agent tells or told. Raises LiveKitUnreachable."""
    if room is None or call.joined_at is None:
        call_end(call_id=call.pk, reason=EndedReason.SUSPENDED, detail=DETAIL)
        return
    there = list(call.dispatches.exclude(state=Dispatch.State.FAILED).order_by("agent_name", "attempt"))
    try:
        call_refuse(call=call, code="suspended", message=DETAIL, reason=EndedReason.SUSPENDED)
    finally:
        for dispatch in there:
            dispatch_withdraw(call, dispatch)
