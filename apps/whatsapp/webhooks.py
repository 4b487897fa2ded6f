"""GET and POST /meta/webhook: verify, store, answer.

Wire format: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
"""

import hashlib
import hmac
import re
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.core.errors import Problem, problem_response
from apps.core.inbox import inbox_store
from apps.core.payloads import json_read, storable
from apps.core.webhooks import raw_body
from apps.whatsapp.envelope import PROVIDER, items_of

log = structlog.get_logger(__name__)
MAX_MIB = 4  # Meta sends up to 3 MB
MAX_CHALLENGE = 200
SCHEME = "sha256="
ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # what Postgres may refuse to keep


@csrf_exempt
@require_http_methods(["GET", "POST"])
def meta_webhook(request: HttpRequest) -> HttpResponse:
    """GET is Meta's handshake. POST: 200 once all is committed; 401 not Meta's, 400 no webhook, 413 too big, 503 not now."""
    try:
        return _handshake(request) if request.method == "GET" else _store(request)
    except Problem as problem:
        return problem_response(problem.status, problem.code, problem.detail)
    except (OperationalError, InterfaceError) as error:  # Meta sends it again, for up to seven days
        log.error("webhook_not_stored", error=type(error).__name__)
        return problem_response(503, "database_away", "The database is away, so nothing was kept. Send the webhook again.")


def _handshake(request: HttpRequest) -> HttpResponse:
    expected, given = settings.WHATSAPP_VERIFY_TOKEN, request.GET.get("hub.verify_token", "")
    if not expected:
        raise Problem(403, "not_configured", "WHATSAPP_VERIFY_TOKEN is not set here. Set it to the token you entered at Meta.")
    if request.GET.get("hub.mode") != "subscribe" or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Problem(403, "wrong_verify_token", "This is not the verify token of this installation.")
    answer = HttpResponse(request.GET.get("hub.challenge", "")[:MAX_CHALLENGE], content_type="text/plain")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _store(request: HttpRequest) -> HttpResponse:
    body = raw_body(request, sender="Meta", most=MAX_MIB)
    _verify(request.headers.get("X-Hub-Signature-256", ""), body)
    inbox_store(PROVIDER, items_of(_payload(body)))
    return HttpResponse(status=200)


def _verify(header: str, body: bytes) -> None:
    """The header is `sha256=` and the HMAC-SHA256 of the raw body with the app's secret, in hex."""
    secret = settings.WHATSAPP_APP_SECRET
    if not secret:
        raise Problem(401, "not_configured", "WHATSAPP_APP_SECRET is not set here, so no webhook can be trusted. Set it.")
    expected = SCHEME + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), header.encode()):
        raise Problem(401, "bad_signature", "This body is not signed with WHATSAPP_APP_SECRET.")


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = json_read(body)
    except ValueError as error:
        raise Problem(400, "not_json", "The body is not JSON.") from error
    if not isinstance(payload, dict) or not isinstance(payload.get("entry"), list):
        raise Problem(400, "not_a_webhook", "The body is not a webhook of Meta: it has no list of entries.")
    return storable(payload) if ESCAPES.search(body) else payload
