"""Names of rooms: `call_{tenant}_{call id}` from a browser, `call_{tenant}_…` from a tenant's SIP dispatch rule."""

import json
import re
from typing import Any

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
    return value if isinstance(value, dict) else {}
