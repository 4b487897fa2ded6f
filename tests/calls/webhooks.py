"""LiveKit's webhooks as recorded from a real SIP call, signed as livekit-server signs them."""

import base64
import copy
import hashlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

import jwt
from django.conf import settings
from django.test import Client

FOLDER = Path(__file__).parent.parent / "fixtures" / "livekit"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
TRUNK = "ST_HxzzcaaFmaBB"
NUMBER = "+15559999"
CALLER = "sip_sipp"
ATLAS_IDENTITY = "agent-AJ_AbhJK9raVPa8"
SIP_ROOM = "call_acme_sipp_GznUGibSgNv3"
_ids = itertools.count(1)


def recorded(name: str, *, room: str = SIP_ROOM, fresh: bool = False, **changes: Any) -> dict[str, Any]:
    """A recorded event by the beginning of its file's name, moved to another room; `fresh` gives it an id of its own."""
    path = next(path for path in sorted(FOLDER.glob("*.json")) if name in path.stem)
    payload = json.loads(path.read_text())
    payload["room"]["name"] = room
    payload["createdAt"] = str(int(time.time()))
    if fresh:
        payload["id"] = f"EV_fresh{next(_ids)}"
    return copy.deepcopy(payload) | changes


def event(kind: str, room: str, *, identity: str = "", participant: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An event made up in the same form."""
    payload: dict[str, Any] = {
        "event": kind,
        "id": f"EV_made{next(_ids)}",
        "createdAt": str(int(time.time())),
        "room": {"name": room},
    }
    if identity:
        payload["participant"] = {"identity": identity, **(participant or {})}
    return payload | more


def signature(body: bytes, **claims: Any) -> str:
    """The Authorization header: a bare JWT."""
    now = int(time.time())
    good = {
        "iss": settings.LIVEKIT_API_KEY,
        "nbf": now - 5,
        "exp": now + 300,
        "sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    return jwt.encode({**good, **claims}, settings.LIVEKIT_API_SECRET, algorithm="HS256")


def post(body: bytes, authorization: str | None) -> Any:
    """POST /livekit/webhook on the public host."""
    headers = {"host": "localhost"} | ({} if authorization is None else {"authorization": authorization})
    return Client().post("/livekit/webhook", data=body, content_type="application/webhook+json", headers=headers)
