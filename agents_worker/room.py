"""Who is who in a call's room."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable

from livekit import rtc
from livekit.agents import utils

logger = logging.getLogger(__name__)

CALLER_KINDS = [
    rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD,
    rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
]
AGENT_NAME_ATTRIBUTE = "lk.agent.name"
AGENT_STATE_ATTRIBUTE = "lk.agent.state"
SIP_STATUS_ATTRIBUTE = "sip.callStatus"
RINGING = "ringing"
PICK_UP_SECONDS = 4.0
ATLAS = "atlas"
MEDIA_BOT = "media-bot"

# any other reason is a connection that broke and may be found again
_FINAL_REASONS = frozenset(
    {
        rtc.DisconnectReason.CLIENT_INITIATED,
        rtc.DisconnectReason.USER_REJECTED,
        rtc.DisconnectReason.USER_UNAVAILABLE,
        rtc.DisconnectReason.PARTICIPANT_REMOVED,
        rtc.DisconnectReason.ROOM_DELETED,
        rtc.DisconnectReason.SIP_TRUNK_FAILURE,
    }
)


def is_caller(participant: rtc.Participant) -> bool:
    return participant.kind in CALLER_KINDS


def is_atlas(participant: rtc.Participant) -> bool:
    return participant.attributes.get(AGENT_NAME_ATTRIBUTE) == ATLAS


async def caller_wait(room: rtc.Room, seconds: float) -> rtc.RemoteParticipant:
    """The first participant of a caller's kind. Raises TimeoutError when none is there in time."""
    return await asyncio.wait_for(utils.wait_for_participant(room, kind=CALLER_KINDS), timeout=seconds)


async def picked_up(room: rtc.Room, caller: rtc.RemoteParticipant, seconds: float = PICK_UP_SECONDS) -> None:
    """Wait, at most so long, until a caller by telephone is connected: what is said while the telephone rings is lost.

    livekit-sip picks up when a track is published and tells so by an attribute; callers without it are there already.
    """
    connected = asyncio.Event()

    def look(*_: object) -> None:
        if caller.attributes.get(SIP_STATUS_ATTRIBUTE) != RINGING:
            connected.set()

    room.on("participant_attributes_changed", look)
    try:
        look()
        await asyncio.wait_for(connected.wait(), seconds)
    except TimeoutError:
        logger.warning("the telephone of %s was not picked up in %.0f s", room.name, seconds)
    finally:
        room.off("participant_attributes_changed", look)


def left_for_good(participant: rtc.RemoteParticipant) -> bool:
    """Whether a participant that left hung up, rather than lost the connection."""
    return participant.disconnect_reason in _FINAL_REASONS


def published_audio(
    participants: Iterable[rtc.RemoteParticipant],
) -> list[tuple[rtc.RemoteParticipant, rtc.RemoteTrackPublication]]:
    """Every audio track published by the given participants."""
    return [
        (participant, publication)
        for participant in participants
        for publication in participant.track_publications.values()
        if publication.kind == rtc.TrackKind.KIND_AUDIO
    ]


async def cancelled(task: asyncio.Task[object] | None) -> None:
    """Cancel a task and wait until it is gone."""
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
