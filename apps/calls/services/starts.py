"""A call from a browser: its record, its room and its caller's way in."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from apps.calls import livekit
from apps.calls.agents import call_agent_named
from apps.calls.models import Call, EndedReason
from apps.calls.services.busy import HOLD, all_busy
from apps.calls.services.calls import call_begin_webrtc, call_end, room_gone, room_metadata
from apps.calls.services.spending import call_gate
from apps.core.errors import MeridianError
from apps.core.ids import uuid7

EMPTY_SECONDS = 60  # to allow the microphone and connect
DEPARTURE_SECONDS = 5
MOST_PARTICIPANTS = 8  # caller, Atlas, Media Bot, their successors and a person who takes over
TOKEN_TTL = timedelta(seconds=120)
BUSY = "All lines are busy at the moment. Wait a little, then call again."
DECLINED = "No new calls can be taken at the moment. Try again later, or reach the company in another way."


class NoRoom(MeridianError):
    """LiveKit could not make the room; the call is recorded as failed."""


class AllBusy(MeridianError):
    """Every agent is in a call; the call is recorded. `after`: seconds after which trying again makes sense."""

    after = HOLD.total_seconds()


class CallDeclined(MeridianError):
    """A spend limit is reached; the call is recorded, and the text is for the caller."""


@dataclass(frozen=True)
class Ticket:
    """What a browser needs to join: the answer of POST /api/v1/calls/token."""

    server_url: str
    participant_token: str
    room_name: str
    call_id: str


def call_start(*, agent: str, name: str = "", identity: str | None = None, trial: bool = False) -> Ticket:
    """Begins a call with an agent (slug or id), or with its draft on trial.

    Raises AgentUnavailable, AllBusy, CallDeclined, NoRoom.
    """
    chosen = call_agent_named(agent, trial=trial)
    call = call_begin_webrtc(agent=chosen, identity=identity or f"caller-{uuid7().hex}", name=name, trial=trial)
    _place_find(call)
    _admit(call)
    _room_create(call)
    token = livekit.participant_token(
        room_name=call.room_name, identity=call.caller_identity, name=name or "Caller", ttl=TOKEN_TTL
    )
    return Ticket(settings.LIVEKIT_PUBLIC_URL, token, call.room_name, str(call.pk))


def _place_find(call: Call) -> None:
    """Tells at once what the caller would otherwise hear after a while of ringing."""
    if not all_busy():
        return
    detail = "All agents were in other calls, and none had ended since the caller before was told so."
    call_end(call_id=call.pk, reason=EndedReason.NO_AGENT, detail=detail, keep_room=True)
    room_gone(call)
    raise AllBusy(BUSY)


def _admit(call: Call) -> None:
    """Before there is a room, so that nothing is spent on who cannot be answered."""
    decision = call_gate(call)
    if decision.admitted:
        return
    call_end(call_id=call.pk, reason=EndedReason.SPEND_LIMIT, detail=decision.reason, keep_room=True)
    room_gone(call)
    raise CallDeclined(decision.reason if call.trial else DECLINED)


def _room_create(call: Call) -> None:
    try:
        livekit.client().room_create(
            call.room_name,
            room_metadata(call),
            empty_seconds=EMPTY_SECONDS,
            departure_seconds=DEPARTURE_SECONDS,
            most=MOST_PARTICIPANTS,
        )
    except (livekit.LiveKitUnreachable, livekit.LiveKitRefused) as error:
        call_end(call_id=call.pk, reason=EndedReason.ERROR, detail=f"The room could not be made. {error}")
        raise NoRoom("Calls cannot be connected at the moment. Try again in a minute.") from error
