"""POST /livekit/webhook: verify, store, answer (https://docs.livekit.io/intro/basics/rooms-participants-tracks/webhooks-events/)."""

import base64
import hashlib
import hmac
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.core.errors import Problem, problem_response
from apps.core.inbox import Item, inbox_store
from apps.core.payloads import json_read, storable
from apps.core.webhooks import raw_body

MAX_MIB = 1
LEEWAY = 10  # seconds by which the two clocks may differ
MAX_ID = 191
MAX_KIND = 64
PROVIDER = "livekit"


@csrf_exempt
@require_POST
def livekit_webhook(request: HttpRequest) -> HttpResponse:
    """200 once the event is committed; 401 when it is not LiveKit's, 400 when it is no event, 413 when it is too big."""
    try:
        body = raw_body(request, sender="LiveKit", most=MAX_MIB)
        _verify(request.headers.get("Authorization", ""), body)
        item = _item(body)
    except Problem as problem:
        return problem_response(problem.status, problem.code, problem.detail)
    inbox_store(PROVIDER, [item])
    return HttpResponse(status=200)


def _verify(token: str, body: bytes) -> None:
    """The header is a bare JWT, signed with LIVEKIT_API_SECRET, whose `sha256` is the base64 of the body's SHA-256."""
    try:
        claims = jwt.decode(
            token,
            settings.LIVEKIT_API_SECRET,
            algorithms=["HS256"],
            issuer=settings.LIVEKIT_API_KEY,
            leeway=LEEWAY,
            options={"require": ["exp", "iss"], "verify_aud": False},
        )
    except jwt.InvalidTokenError as error:
        raise Problem(401, "bad_signature", "This is not signed with LIVEKIT_API_KEY and its secret, or it is over.") from error
    expected = base64.b64encode(hashlib.sha256(body).digest())
    if not hmac.compare_digest(expected, str(claims.get("sha256", "")).encode()):
        raise Problem(401, "bad_hash", "The body is not the one that was signed.")


def _item(body: bytes) -> Item:
    try:
        payload = json_read(body.decode())
    except ValueError as error:
        raise Problem(400, "not_json", "The body is not JSON.") from error
    if not isinstance(payload, dict):
        raise Problem(400, "not_an_event", "The body is not an event of LiveKit.")
    escapes = b"\\u" in body  # only an escape can hold what Postgres refuses
    if escapes:
        payload = storable(payload)
    name, kind = _text(payload, "id", MAX_ID), _text(payload, "event", MAX_KIND)
    return Item(name, kind, payload, text=None if escapes else body.decode())


def _text(payload: dict[str, Any], name: str, longest: int) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise Problem(400, "not_an_event", f"An event of LiveKit has a text of at most {longest} characters as its {name}.")
    return value
