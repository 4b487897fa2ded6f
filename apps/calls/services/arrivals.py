"""A caller came into a room: whose call it is, who answers, and what is said when nobody can."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from apps.calls import livekit
from apps.calls.agents import AgentUnavailable, CallAgent, call_agent
from apps.calls.models import Call, Channel, EndedReason, PhoneNumber
from apps.calls.numbers import number_candidates, number_normalise
from apps.calls.rooms import is_caller, metadata_read, room_agent, room_name_for, room_tenants
from apps.calls.sentences import announcement, language_of_country
from apps.calls.services.busy import busy_noted
from apps.calls.services.calls import (
    call_assign,
    call_begin_found,
    call_begin_sip,
    call_end,
    call_joined,
    room_metadata,
)
from apps.calls.services.dispatches import ATLAS, MEDIA_BOT, dispatch_next, dispatch_pair, dispatches_send, ringback_by
from apps.calls.services.spending import call_gate, people_call_back
from apps.calls.services.through import call_put_through
from apps.core.errors import Ignored
from apps.core.hours import hours_open
from apps.core.ids import uuid_of
from apps.core.schema import schema_current
from apps.tenants.selectors import tenant_by_slug

OUT = PhoneNumber.OutOfHours
BUSY = "All agents are in other calls. Raise MERIDIAN_MAX_CALLS, or start another agents worker."
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Refusal(Exception):
    """Nobody can answer: `code` of sentences.REASONS, the sentence for the record, and what is said, if not by `code`."""

    code: str
    message: str
    text: str = ""
    reason: EndedReason = EndedReason.NO_AGENT
    to: tuple[str, str] | None = None  # whom the caller is put through to instead


def caller_arrived(*, room_name: str, caller: livekit.Participant, at: datetime, metadata: str = "") -> None:
    """Has Atlas and Media Bot join, once each; any number of repeats are harmless. `metadata`: the room's.

    Raises Ignored when the call is over or the newcomer is not its caller, LiveKitUnreachable to be tried again.
    """
    call = Call.objects.filter(room_name=room_name).first() or _call_made(room_name, caller, metadata)
    if not call_joined(call=call, identity=caller.identity, at=at):
        raise Ignored("The call is over, or this is not its caller.")
    call_answer(call)


def call_answer(call: Call) -> None:
    """Finds the agent and dispatches it. Raises LiveKitUnreachable."""
    try:
        if call.dispatches.exists():
            dispatches_send(call)
        else:
            dispatch_pair(call, _agent_set(call))
    except Refusal as refusal:
        if refusal.to is not None:
            return call_put_through(call=call, to=refusal.to, message=refusal.message, language=_language(call))
        call_refuse(call=call, code=refusal.code, message=refusal.message, text=refusal.text, reason=refusal.reason)
    except livekit.RoomGone:
        call_end(call_id=call.pk, reason=EndedReason.CALLER_HANGUP, detail="The caller was gone before an agent could be asked.")


def call_refuse(*, call: Call, code: str, message: str, text: str = "", reason: EndedReason = EndedReason.NO_AGENT) -> None:
    """Ends the call with `message`, while Media Bot tells the caller. Raises LiveKitUnreachable."""
    with transaction.atomic():
        if not call_end(call_id=call.pk, reason=reason, detail=message, keep_room=True):
            return
        spoken = announcement(code, _language(call))
        dispatch_next(call=call, agent_name=MEDIA_BOT, announcement={**spoken, "text": text or spoken["text"]})
    log.info("call_refused", call=str(call.pk), code=code)
    try:
        if call.channel == Channel.WEBRTC:  # the caller's page shows it, which learns only of the room's end
            livekit.client().room_metadata_set(call.room_name, room_metadata(call, refused=code))
        dispatches_send(call)
    except livekit.RoomGone:
        log.info("caller_gone_before_announcement", call=str(call.pk))


def call_apologise(*, call: Call, message: str) -> None:
    """No agent came, or none stayed: has Media Bot say so, over its own ringing. Raises LiveKitUnreachable.

    `message` is for the record, unless all agents are in other calls.
    """
    came = call.dispatches.filter(agent_name=ATLAS).exclude(identity="").exists()
    if not came and busy_noted():
        return call_refuse(call=call, code="busy", message=BUSY)
    return call_refuse(call=call, code="no_agent", message=message)


def _call_made(room_name: str, caller: livekit.Participant, metadata: str) -> Call:
    """The call of a caller whom no token brought. Raises Ignored for anybody else."""
    return found_call(room_name, caller, metadata) if caller.kind == "STANDARD" else sip_call(room_name, caller)


def found_call(room_name: str, caller: livekit.Participant, metadata: str) -> Call:
    """The call of a caller in a room whose metadata asks for an agent, made when there is none. Raises Ignored for all else."""
    if not is_caller(caller, metadata):
        raise Ignored("No call was begun for this room, and its metadata asks for no agent.")
    if room_tenants(room_name, metadata) != {schema_current()}:
        raise Ignored("The room's name and its metadata speak of two companies.")
    known = uuid_of(metadata_read(metadata).get("call_id"))
    if known and Call.objects.filter(pk=known).exists():
        raise Ignored("The room's metadata speaks of a call in another room.")
    agent_id = uuid_of(room_agent(metadata))
    return call_begin_found(room_name=room_name, identity=caller.identity, name=caller.name, agent_id=agent_id)


def sip_call(room_name: str, caller: livekit.Participant) -> Call:
    """The call of a SIP participant, made when there is none. Raises Ignored for anybody else."""
    if caller.kind != "SIP":
        raise Ignored("No call was begun for this room.")
    to_number = number_normalise(caller.attributes.get("sip.trunkPhoneNumber", ""), _country())
    return call_begin_sip(
        room_name=room_name,
        identity=caller.identity,
        name=caller.name,
        attributes=caller.attributes,
        to_number=to_number,
    )


def _agent_set(call: Call) -> str | None:
    """Makes sure of the agent that answers, and returns the ringing tone until it does."""
    if call.room_name == room_name_for(schema_current(), call.pk):  # with its token it got all of this
        return ringback_by(None, _agent(call.agent_id, trial=call.trial))
    number = _number(call.to_number) if call.channel == Channel.SIP else None
    agent = _agent(_answering(number) if number else call.agent_id)
    call_assign(call=call, agent=agent, to_number=number.number if number else "")
    _admit(call, number.team if number and number.team else agent.team, agent.target if number else None)
    livekit.client().room_metadata_set(call.room_name, room_metadata(call))
    return ringback_by(number, agent)


def _admit(call: Call, team: str, target: tuple[str, str] | None) -> None:
    """Raises Refusal once a spend limit is reached.

    Where the limit says so people take over: the first whom the agent can put through to, else the team phones back.
    """
    decision = call_gate(call)
    if decision.admitted:
        return
    if decision.to_people and target is not None:
        raise Refusal("put_through", decision.reason, to=target)
    told = decision.to_people and people_call_back(call=call, team=team, reason=decision.reason)
    raise Refusal("call_back" if told else "spend_limit", decision.reason, reason=EndedReason.SPEND_LIMIT)


def _agent(agent_id: object, *, trial: bool = False) -> CallAgent:
    try:
        return call_agent(str(agent_id), trial=trial)
    except AgentUnavailable as error:
        raise Refusal(error.code, error.message) from error


def _number(dialled: str) -> PhoneNumber:
    forms = number_candidates(dialled)
    found = {number.number: number for number in PhoneNumber.objects.filter(number__in=forms, enabled=True)}
    number = next((found[form] for form in forms if form in found), None)
    if number is None:
        raise Refusal("unknown_number", f"{dialled or 'The number'} is mapped to no agent. Map it in Compass, under Numbers.")
    if number.agent_id is None:
        raise Refusal("unavailable", f"{dialled} belongs to the team {number.team}, and no agent answers for it.")
    return number


def _answering(number: PhoneNumber) -> UUID | None:
    """The agent that answers at this moment. Raises Refusal out of hours."""
    tenant = tenant_by_slug(schema_current()) if number.business_hours and not number.timezone else None
    zone = number.timezone or (tenant.timezone if tenant else "UTC")
    if number.out_of_hours == OUT.SAME or hours_open(number.business_hours, timezone.now(), zone):
        return number.agent_id
    if number.out_of_hours == OUT.AGENT:
        return number.out_of_hours_agent_id or number.agent_id
    raise Refusal("closed", f"{number} was called outside of its business hours.", number.out_of_hours_text)


def _country() -> str:
    tenant = tenant_by_slug(schema_current())
    return tenant.country if tenant else "US"


def _language(call: Call) -> str:
    return call.language or language_of_country(_country())
