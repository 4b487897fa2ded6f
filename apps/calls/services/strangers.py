"""Callers whose trunk belongs to no tenant: they hear a sentence, and no tenant sees a call."""

import json

import structlog
from django.conf import settings

from apps.calls import livekit
from apps.calls.rooms import metadata_read
from apps.calls.sentences import DEFAULT_LANGUAGE, announcement
from apps.calls.services.dispatches import MEDIA_BOT
from apps.core.errors import Ignored
from apps.core.ids import uuid7
from apps.core.schema import schema_current
from apps.tenants.models import Route, Tenant
from apps.tenants.selectors import route_tenant

log = structlog.get_logger(__name__)


def is_stranger(caller: livekit.Participant) -> bool:
    """Whether the caller's trunk belongs to no served tenant, or to another than the current, whatever the room is called."""
    trunk = caller.attributes.get("sip.trunkID")
    owner = route_tenant(Route.Kind.SIP_TRUNK, trunk) if trunk else None
    return bool(trunk) and (owner is None or owner.schema_name != schema_current() or owner.status != Tenant.Status.ACTIVE)


def stranger_arrived(*, room_name: str, caller: livekit.Participant) -> None:
    """Has Media Bot say that the number is not in service. Always raises Ignored with the reason; LiveKitUnreachable to retry."""
    trunk = caller.attributes.get("sip.trunkID", "")
    try:
        asked = livekit.client().dispatches_list(room_name)
        if not any(dispatch.agent_name == MEDIA_BOT for dispatch in asked):
            livekit.client().dispatch_create(room_name, MEDIA_BOT, json.dumps(_metadata()))
    except livekit.RoomGone as error:
        raise Ignored(f"The caller through trunk {trunk} is gone already.") from error
    raise Ignored(f"The trunk {trunk} belongs to no tenant here; the caller was told so. Make it with sip_trunk_create.")


def stranger_room_close(room_name: str) -> None:
    """Closes the room after the sentence, when it was ours to speak. Raises LiveKitUnreachable."""
    try:
        if any(_is_ours(dispatch) for dispatch in livekit.client().dispatches_list(room_name)):
            livekit.client().room_delete(room_name)
    except livekit.RoomGone:
        log.info("room_gone", room=room_name)


def _is_ours(dispatch: livekit.AgentDispatch) -> bool:
    """A LiveKit that serves other products too has agents in rooms that are none of ours."""
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
