"""Atlas and Media Bot coming into a call's room, leaving it, or falling silent."""

from datetime import datetime

import structlog

from apps.calls import livekit
from apps.calls.models import Call, Dispatch
from apps.calls.services.arrivals import call_apologise
from apps.calls.services.dispatches import (
    ATLAS,
    MEDIA_BOT,
    dispatch_failed,
    dispatch_joined,
    dispatch_next,
    dispatch_withdraw,
    dispatches_send,
)
from apps.calls.services.media_bots import media_bot_replace
from apps.core.errors import Ignored

log = structlog.get_logger(__name__)

ATTEMPTS_TO_ANSWER = 2
ATTEMPTS_AT_MOST = 6


def agent_arrived(*, call: Call, agent: livekit.Participant, at: datetime) -> None:
    """Marks the dispatch as joined. One that is not asked any more, or only to a call that is over, is sent away.

    Raises Ignored, JobUnlisted, LiveKitUnreachable.
    """
    dispatch = dispatch_joined(call=call, agent_name=agent.agent_name, identity=agent.identity, at=at)
    if dispatch is None and agent.agent_name not in (ATLAS, MEDIA_BOT):
        raise Ignored("Nobody asked this agent to join.")
    if dispatch is None or (not call.is_live and dispatch.announcement is None):
        participant_send_away(call, agent.identity)


def agent_left(*, call: Call, identity: str) -> None:
    """Replaces an Atlas that left a running call, and a Media Bot that accompanied it. Raises Ignored, LiveKitUnreachable.

    One that leaves after its announcement has told so, or the sweeper finds that it has not.
    """
    dispatch = call.dispatches.filter(identity=identity).first()
    if dispatch is None or dispatch.announcement is not None or not call.is_live or call.left_at is not None:
        raise Ignored("The call does not miss this agent.")
    if dispatch.agent_name == ATLAS:
        return atlas_replace(call=call, lost=dispatch)
    people = identities_in(call)
    if call.caller_identity not in people or identity in people:  # it leaves when its caller does, and may be heard of first
        raise Ignored("The caller is gone too, or Media Bot is back.")
    media_bot_replace(call=call, lost=dispatch)
    return None


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


def newcomer(call: Call, agent_name: str) -> livekit.Participant | None:
    """An agent in the room of whose coming nobody has told. Raises LiveKitUnreachable, RoomGone."""
    known = set(call.dispatches.exclude(identity="").values_list("identity", flat=True))
    people = livekit.client().participants_list(call.room_name)
    return next((p for p in people if p.agent_name == agent_name and p.identity not in known), None)


def was_taken(call: Call, dispatch: Dispatch) -> bool:
    """Whether a worker has said that it comes. Raises LiveKitUnreachable, RoomGone."""
    return any(other.taken for other in livekit.client().dispatches_list(call.room_name) if other.id == dispatch.dispatch_id)


def identities_in(call: Call) -> set[str]:
    """Who is in the room; nobody where it is gone. Raises LiveKitUnreachable."""
    try:
        return {person.identity for person in livekit.client().participants_list(call.room_name)}
    except livekit.RoomGone:
        return set()


def participant_send_away(call: Call, identity: str) -> None:
    """Removes somebody from the room. Raises LiveKitUnreachable."""
    try:
        livekit.client().participant_remove(call.room_name, identity)
    except livekit.RoomGone:
        log.info("gone_already", call=str(call.pk))
