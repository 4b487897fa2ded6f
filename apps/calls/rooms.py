"""Rooms: `call_{tenant}_{call id}` from a browser, `call_{tenant}_…` from a tenant's SIP dispatch rule, or made by others.

Those of others may have any name; their metadata asks for an agent.
"""

import json
import re
from typing import Any

from apps.calls.livekit import Participant
from apps.core.payloads import storable

ROOM = re.compile(r"^call_([a-z][a-z0-9]{1,30})_.")


def room_name_for(tenant: str, call_id: Any) -> str:
    return f"call_{tenant}_{call_id}"


def room_prefix_for(tenant: str) -> str:
    """What a SIP dispatch rule puts before `_{caller}_{random}`."""
    return f"call_{tenant}"


def room_tenant(name: str) -> str | None:
    """The tenant that a room's name speaks of, or None when it is no room of ours."""
    match = ROOM.match(name)
    return match.group(1) if match else None


def metadata_read(text: str) -> dict[str, Any]:
    """A room's or dispatch's metadata; an empty dict when it is not a JSON object."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return storable(value) if isinstance(value, dict) else {}


def room_tenants(name: str, metadata: str) -> set[str]:
    """The tenants that a room's name and its metadata speak of; where these are two, it is nobody's."""
    return {str(tenant) for tenant in (room_tenant(name), metadata_read(metadata).get("tenant")) if tenant}


def room_agent(metadata: str) -> str:
    """The id of the agent that a room's metadata asks for, or an empty string."""
    return str(metadata_read(metadata).get("agent_id") or "")


def is_caller(person: Participant, metadata: str) -> bool:
    """Somebody on a phone, or who may speak in a room that asks for an agent. Agents and listeners are none."""
    if person.kind == "STANDARD":
        return bool(room_agent(metadata)) and not person.listens_only
    return person.kind == "SIP"
