"""What LiveKit's webhooks do to calls: one function per kind of event, any order, any number of times."""

from datetime import datetime

import structlog
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.calls import livekit
from apps.calls.models import Call, Channel, EndedReason
from apps.calls.payloads import webhook_participant, webhook_room, webhook_time
from apps.calls.rooms import is_caller, room_tenants
from apps.calls.services.agents_in_room import agent_arrived, agent_left
from apps.calls.services.arrivals import caller_arrived, sip_call
from apps.calls.services.calls import call_end, call_left, room_gone
from apps.calls.services.strangers import room_owner, stranger_arrived, stranger_room_close
from apps.core.errors import Ignored
from apps.core.inbox import handler, provider_register
from apps.core.models import InboundEvent
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug

log = structlog.get_logger(__name__)

CALLER_KINDS = ("STANDARD", "SIP")
COMING = ("participant_joined", "track_published")
REPLACED = ("DUPLICATE_IDENTITY", "MIGRATION")  # the same caller is there under a new session
LOST = ("STATE_MISMATCH", "SIGNAL_CLOSE", "CONNECTION_TIMEOUT", "MEDIA_FAILURE")  # the browser may be on its way back


def tenant_of(event: InboundEvent) -> str | None:
    """By the trunk for a SIP caller, else by the room's name or metadata; None when there is no such tenant."""
    trunk = webhook_participant(event.payload).attributes.get("sip.trunkID", "")
    owner = room_owner(_room_name(event), _metadata(event), trunk)
    return owner.schema_name if owner and _hears(owner, event) else None


def _hears(tenant: Tenant, event: InboundEvent) -> bool:
    """A company that is suspended still hears how the calls that it had end, and of nobody who comes."""
    if tenant.status != Tenant.Status.SUSPENDED:
        return tenant.status == Tenant.Status.ACTIVE
    if event.kind in COMING and webhook_participant(event.payload).kind != "AGENT":
        return False
    return _has_call(tenant, event)


def _has_call(tenant: Tenant, event: InboundEvent) -> bool:
    with schema_context(tenant.schema_name):
        return Call.objects.filter(room_name=_room_name(event)).exists()


def unrouted(event: InboundEvent) -> None:
    """A caller who comes to no tenant hears so; everything else is somebody else's business."""
    participant, room_name = webhook_participant(event.payload), _room_name(event)
    if event.kind == "participant_joined" and (participant.kind == "SIP" or _asks_in_vain(participant, event)):
        stranger_arrived(room_name=room_name, caller=participant)
    if event.kind == "participant_left" and participant.kind == "AGENT":
        stranger_room_close(room_name)
    raise Ignored("This room belongs to no tenant here.")


def _asks_in_vain(participant: livekit.Participant, event: InboundEvent) -> bool:
    """Whether somebody is in a room that asks for an agent of one tenant, who is not served here and has no call in it."""
    named = room_tenants(_room_name(event), _metadata(event))
    if not named or not is_caller(participant, _metadata(event)):
        return False
    if len(named) > 1:
        raise Ignored(f"The room's name and its metadata speak of two companies: {' and '.join(sorted(named))}.")
    tenant = tenant_by_slug(named.pop())
    return tenant is None or tenant.status != Tenant.Status.SUSPENDED or not _has_call(tenant, event)


@handler("livekit", "room_started")
def room_started(event: InboundEvent) -> None:
    raise Ignored("A call begins when its caller joins.")


@handler("livekit", "participant_joined")
def participant_joined(event: InboundEvent) -> None:
    participant, room_name = webhook_participant(event.payload), _room_name(event)
    if participant.kind == "AGENT":
        return agent_arrived(call=_call(room_name), agent=participant, at=_at(event))
    if participant.kind not in CALLER_KINDS:
        raise Ignored(f"A participant of kind {participant.kind} is no caller.")
    return caller_arrived(room_name=room_name, caller=participant, at=_at(event), metadata=_metadata(event))


@handler("livekit", "participant_left")
def participant_left(event: InboundEvent) -> None:
    participant = webhook_participant(event.payload)
    reason = str(event.payload.get("participant", {}).get("disconnectReason", ""))
    if participant.kind == "AGENT" and not Call.objects.filter(room_name=_room_name(event)).exists():
        stranger_room_close(_room_name(event))  # a room of the tenant's name that came through a trunk of nobody's
    call = _call_of_leaver(_room_name(event), participant)
    if participant.kind == "AGENT":
        return agent_left(call=call, identity=participant.identity)
    if participant.identity != call.caller_identity or reason in REPLACED:
        raise Ignored("The caller is still there.")
    if reason in LOST and call.channel == Channel.WEBRTC:
        return call_left(call=call, at=_at(event))
    call_end(call_id=call.pk, reason=EndedReason.CALLER_HANGUP, at=_at(event))
    return None


@handler("livekit", "participant_connection_aborted")
def participant_connection_aborted(event: InboundEvent) -> None:
    participant, call = webhook_participant(event.payload), _call(_room_name(event))
    if participant.kind == "AGENT":
        return agent_left(call=call, identity=participant.identity)
    if participant.identity != call.caller_identity:
        raise Ignored("This is not the caller.")
    if call.channel == Channel.WEBRTC:
        return call_left(call=call, at=_at(event))
    call_end(call_id=call.pk, reason=EndedReason.CALLER_HANGUP, at=_at(event))
    return None


@handler("livekit", "track_published")
def track_published(event: InboundEvent) -> None:
    """The caller's microphone proves that they are there, should the join have been lost."""
    participant, call = webhook_participant(event.payload), _call(_room_name(event))
    if call.joined_at is not None or participant.identity != call.caller_identity:
        raise Ignored("Nothing new: its owner is known to be there.")
    caller_arrived(room_name=call.room_name, caller=participant, at=_at(event))


@handler("livekit", "room_finished")
def room_finished(event: InboundEvent) -> None:
    call = _call(_room_name(event))
    call_end(call_id=call.pk, reason=EndedReason.CALLER_HANGUP, at=_at(event))
    room_gone(call)


@handler("livekit", "agent_job_started")
def agent_job_started(event: InboundEvent) -> None:
    job = event.payload.get("job") or {}
    identity = str((job.get("state") or {}).get("participantIdentity", ""))
    if not identity:
        raise Ignored("The job has no participant yet.")
    agent = livekit.Participant(identity, "AGENT", attributes={"lk.agent_name": str(job.get("agentName", ""))})
    agent_arrived(call=_call(_room_name(event)), agent=agent, at=_at(event))


@handler("livekit", "agent_job_ended")
def agent_job_ended(event: InboundEvent) -> None:
    identity = str(((event.payload.get("job") or {}).get("state") or {}).get("participantIdentity", ""))
    if not identity:  # else it would be any agent that is still on its way
        raise Ignored("The job never had a participant.")
    agent_left(call=_call(_room_name(event)), identity=identity)


def _call_of_leaver(room_name: str, participant: livekit.Participant) -> Call:
    """A SIP caller's leaving may be heard before the coming; then the call is recorded as missed, and the coming is late."""
    call = Call.objects.filter(room_name=room_name).first()
    if call is None and participant.kind == "SIP":
        call = sip_call(room_name, participant)
    return call or _call(room_name)


def _call(room_name: str) -> Call:
    call = Call.objects.filter(room_name=room_name).first()
    if call is None:
        raise Ignored("No call is known for this room.")
    return call


def _room_name(event: InboundEvent) -> str:
    return str(webhook_room(event.payload).get("name", ""))


def _metadata(event: InboundEvent) -> str:
    """The room's; some kinds of event leave it out."""
    return str(webhook_room(event.payload).get("metadata", ""))


def _at(event: InboundEvent) -> datetime:
    return webhook_time(event.payload, timezone.now())


provider_register("livekit", tenant_of=tenant_of, unrouted=unrouted)
