"""Callers whom no tenant here serves: they hear a sentence, no tenant sees a call, and the inbox has a row that says why."""

import hashlib
import json
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from apps.calls import livekit
from apps.calls.payloads import webhook_made
from apps.calls.rooms import metadata_read, room_tenants
from apps.calls.sentences import DEFAULT_LANGUAGE, announcement
from apps.calls.services.alone import alone, key_of
from apps.calls.services.dispatches import MEDIA_BOT
from apps.core.errors import Ignored, TransientError
from apps.core.ids import uuid7
from apps.core.inbox import Item, inbox_store
from apps.core.models import InboundEvent
from apps.core.outbox import effect_enqueue
from apps.tenants.models import Route, Tenant
from apps.tenants.selectors import route_tenant, tenant_by_slug

log = structlog.get_logger(__name__)
CLOSE = "calls.stranger_close"
SPEAKING = timedelta(seconds=45)  # for Media Bot to come, and to say the sentence
WEBHOOK_FIRST = timedelta(seconds=3)  # a room so new may be on its way here


def room_owner(name: str, metadata: str, trunk: str) -> Tenant | None:
    """Whose room it is: by its caller's trunk, else by its name or metadata; nobody's where these speak of two tenants."""
    named = room_tenants(name, metadata)
    if trunk:
        owner = route_tenant(Route.Kind.SIP_TRUNK, trunk)
        return owner if owner and named <= {owner.schema_name} else None
    return tenant_by_slug(named.pop()) if len(named) == 1 else None


def is_stranger(caller: livekit.Participant, room: livekit.Room) -> bool:
    """Whether the caller comes to no tenant that is served here, or to two."""
    owner = room_owner(room.name, room.metadata, caller.attributes.get("sip.trunkID", ""))
    return owner is None or owner.status != Tenant.Status.ACTIVE


def stranger_note(*, room: livekit.Room, caller: livekit.Participant) -> None:
    """Puts into the inbox what a lost webhook would have: it is worked on alike, once, and the row says why.

    Raises LiveKitUnreachable, RoomGone.
    """
    if room.created_at > (timezone.now() - WEBHOOK_FIRST).timestamp():
        return
    name = f"SWEEP_{hashlib.sha256(f'{room.name} {room.created_at} {caller.identity}'.encode()).hexdigest()[:40]}"
    if InboundEvent.objects.filter(provider="livekit", external_id=name).exists() or _is_told(room.name):
        return
    inbox_store("livekit", [Item(name, "participant_joined", webhook_made("participant_joined", room, caller))])
    log.info("stranger_noted", room=room.name)


def stranger_arrived(*, room_name: str, caller: livekit.Participant) -> None:
    """Has Media Bot say that the number is not in service. Always raises: Ignored with the reason, or TransientError to retry."""
    with alone(key_of(room_name)) as first:
        if not first:
            raise TransientError("Somebody else tells this caller already.", after=1)
        try:
            _tell(room_name)
        except livekit.RoomGone as error:
            raise Ignored("The caller is gone already.") from error
    raise Ignored(_why(caller))


def stranger_room_close(room_name: str) -> None:
    """Closes the room after the sentence, when it was ours to speak. Raises LiveKitUnreachable."""
    try:
        if _is_told(room_name):
            livekit.client().room_delete(room_name)
    except livekit.RoomGone:
        log.info("room_gone", room=room_name)


def stranger_close(*, room_name: str, until: datetime) -> None:
    """The same for a sentence that nobody came to say, or whose end nobody told. Raises TransientError before `until`."""
    wait = (until - timezone.now()).total_seconds()
    if wait > 0:
        raise TransientError("The sentence may still be spoken.", after=wait)
    stranger_room_close(room_name)


def _why(caller: livekit.Participant) -> str:
    trunk = caller.attributes.get("sip.trunkID", "")
    if trunk:
        return f"The trunk {trunk} belongs to no tenant here; the caller was told so. Make it with sip_trunk_create."
    if caller.kind == "SIP":
        return "The call came through no trunk, and to no tenant here; the caller was told so."
    return "The room asks for an agent of a company that takes no calls here; the caller was told so."


def _tell(room_name: str) -> None:
    asked = livekit.client().dispatches_list(room_name)
    if any(dispatch.agent_name == MEDIA_BOT for dispatch in asked):
        return
    dispatch_id = livekit.client().dispatch_create(room_name, MEDIA_BOT, json.dumps(_metadata()))
    until = (timezone.now() + SPEAKING).isoformat()
    effect_enqueue(kind=CLOSE, key=f"{CLOSE}:{dispatch_id}", payload={"room": room_name, "until": until})


def _is_told(room_name: str) -> bool:
    """A LiveKit that serves other products too has agents in rooms that are none of ours."""
    return any(_is_ours(dispatch) for dispatch in livekit.client().dispatches_list(room_name))


def _is_ours(dispatch: livekit.AgentDispatch) -> bool:
    return dispatch.agent_name == MEDIA_BOT and bool(metadata_read(dispatch.metadata).get("announcement"))


def _metadata() -> dict[str, object]:
    return {
        "tenant": None,
        "agent_id": None,
        "call_id": str(uuid7()),
        "token": None,
        "api_url": settings.API_URL,
        "attempt": 1,
        "ringback": None,
        "announcement": announcement("unknown_trunk", DEFAULT_LANGUAGE),
    }
