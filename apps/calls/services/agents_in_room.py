"""Atlas and Media Bot coming into a call's room, leaving it, or falling silent."""

from datetime import datetime

import structlog

from apps.calls import livekit
from apps.calls.models import Call, Dispatch
from apps.calls.services.arrivals import call_apologise
from apps.calls.services.dispatches import (
    ATLAS,
    dispatch_failed,
    dispatch_joined,
    dispatch_next,
    dispatch_withdraw,
    dispatches_send,
)
from apps.core.errors import Ignored

log = structlog.get_logger(__name__)

ATTEMPTS_TO_ANSWER = 2
ATTEMPTS_AT_MOST = 6


def agent_arrived(*, call: Call, agent: livekit.Participant, at: datetime) -> None:
    """Marks the dispatch as joined. An Atlas beside another, or after the end, is sent away. Raises Ignored, JobUnlisted."""
    dispatch = dispatch_joined(call=call, agent_name=agent.agent_name, identity=agent.identity, at=at)
    if dispatch is None and agent.agent_name != ATLAS:
        raise Ignored("Nobody asked this agent to join.")
    if agent.agent_name == ATLAS and (dispatch is None or not call.is_live):
        participant_send_away(call, agent.identity)


def agent_left(*, call: Call, identity: str) -> None:
    """Replaces an Atlas that left a running call. Media Bot is not replaced: the call goes on without it."""
    dispatch = call.dispatches.filter(identity=identity).first()
    if dispatch is None or dispatch.agent_name != ATLAS or not call.is_live or call.left_at is not None:
        raise Ignored("The call does not miss this agent.")
    atlas_replace(call=call, lost=dispatch)


def atlas_replace(*, call: Call, lost: Dispatch) -> None:
    """Dispatches the next attempt, once per lost one; after the last attempt the caller hears an apology."""
    dispatch_failed(lost)
    dispatch_withdraw(call, lost)
    newer = call.dispatches.filter(agent_name=ATLAS, attempt__gt=lost.attempt).exists()
    if newer:
        return dispatches_send(call)
    most = ATTEMPTS_AT_MOST if call.dispatches.filter(spoke_at__isnull=False).exists() else ATTEMPTS_TO_ANSWER
    if lost.attempt >= most:
        return call_apologise(
            call=call, message=f"Atlas was asked {lost.attempt} times and did not stay. Is the agents worker up?"
        )
    log.warning("atlas_replaced", call=str(call.pk), attempt=lost.attempt + 1)
    dispatch_next(call=call, agent_name=ATLAS)
    try:
        return dispatches_send(call)
    except livekit.RoomGone:
        return None  # the caller is away; room_finished or the sweeper ends the call


def participant_send_away(call: Call, identity: str) -> None:
    """Removes somebody from the room. Raises LiveKitUnreachable."""
    try:
        livekit.client().participant_remove(call.room_name, identity)
    except livekit.RoomGone:
        log.info("gone_already", call=str(call.pk))
