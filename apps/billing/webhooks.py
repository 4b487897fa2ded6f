"""POST /stripe/webhook: verify, store, answer. Wire format: https://docs.stripe.com/webhooks#verify-manually"""

import hashlib
import hmac
import re
import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.core.errors import Problem, problem_response
from apps.core.inbox import Item, inbox_store
from apps.core.payloads import json_read, storable
from apps.core.webhooks import raw_body

PROVIDER = "stripe"
MAX_MIB = 4
TOLERANCE = 300  # seconds by which a signature may be old, or the two clocks may differ
LONGEST_HEADER = 2000
MAX_ID, MAX_KIND = 191, 64
STAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """200 once the event is committed, known or not; 401 not Stripe's or too old, 400 no event, 413 too big."""
    try:
        body = raw_body(request, sender="Stripe", most=MAX_MIB)
        _verify(request.headers.get("Stripe-Signature", ""), body)
        item = _item(body)
    except Problem as problem:
        return problem_response(problem.status, problem.code, problem.detail)
    inbox_store(PROVIDER, [item])
    return HttpResponse(status=200)


def _verify(header: str, body: bytes) -> None:
    """The header is `t=SECONDS,v1=HEX[,v1=HEX…]`; HEX is the HMAC-SHA256 of `SECONDS.` and the raw body with the secret."""
    secret = settings.STRIPE_WEBHOOK_SECRET
    if not secret:
        raise Problem(401, "not_configured", "STRIPE_WEBHOOK_SECRET is not set here, so no webhook can be trusted. Set it.")
    stamp, signatures = _parts(header[:LONGEST_HEADER])
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest().encode()
    # All are compared, so that the time tells nothing. While a secret is rolled over, Stripe signs with both.
    if sum(hmac.compare_digest(expected, signature.encode()) for signature in signatures) == 0:
        raise Problem(401, "bad_signature", "This body is not signed with STRIPE_WEBHOOK_SECRET.")
    if abs(time.time() - int(stamp)) > TOLERANCE:
        raise Problem(401, "too_old", "This signature is more than 300 seconds away from the clock here.")


def _parts(header: str) -> tuple[str, list[str]]:
    pairs = [part.partition("=")[::2] for part in header.split(",")]
    stamps = [value for name, value in pairs if name == "t"]
    if len(stamps) != 1 or not STAMP.fullmatch(stamps[0]):
        raise Problem(401, "bad_signature", "The Stripe-Signature header is missing, or is none.")
    return stamps[0], [value for name, value in pairs if name == "v1"]


def _item(body: bytes) -> Item:
    try:
        payload = json_read(body.decode())
    except ValueError as error:
        raise Problem(400, "not_json", "The body is not JSON.") from error
    about = payload.get("data", {}).get("object") if isinstance(payload, dict) and isinstance(payload.get("data"), dict) else None
    if not isinstance(about, dict) or payload.get("object") != "event":
        raise Problem(400, "not_an_event", "The body is not an event of Stripe: it has no object in its data.")
    return Item(_text(payload, "id", MAX_ID), _text(payload, "type", MAX_KIND), storable(_kept(payload, about)))


def _kept(payload: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """What is worked with: which object it was. All else is fetched again, and names and addresses need no second home."""
    names = ("id", "object", "invoice", "customer", "payment_intent")
    kept = {name: about[name] for name in names if isinstance(about.get(name), str)}
    return {"created": payload.get("created"), "livemode": payload.get("livemode") is True, "object": kept}


def _text(payload: dict[str, Any], name: str, longest: int) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest or "\x00" in value:
        raise Problem(400, "not_an_event", f"An event of Stripe has a text of at most {longest} characters as its {name}.")
    return str(storable(value))
