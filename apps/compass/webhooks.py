"""How a webhook is written, signed and sent: Standard Webhooks (https://www.standardwebhooks.com)."""

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from standardwebhooks import Webhook

from apps.compass.client import Call, RequestFailed, exchange
from apps.compass.guard import Blocked
from apps.compass.models import WebhookEndpoint, WebhookEvent
from apps.core.moments import utc_text

TIMEOUT = 10.0
EXCERPT = 4000
TEST = "webhook.test"
TYPES = (
    "call.started",
    "call.ended",
    "call.recorded",
    "conversation.opened",
    "conversation.escalated",
    "conversation.resolved",
    "conversation.joined",
    "message.received",
    "message.sent",
    "agent.published",
    "document.ready",
)


@dataclass(frozen=True)
class Outcome:
    """How a try went. `status` is None when no answer came; `seconds` is how long it took."""

    headers: dict[str, str]
    status: int | None = None
    answer: str = ""
    error: str = ""
    seconds: float = field(default=0.0)

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def secret_make() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def body_of(event: WebhookEvent) -> str:
    """The body of every delivery of an event, the same each time."""
    stamp = utc_text(event.created_at)
    return json.dumps({"type": event.type, "timestamp": stamp, "data": event.data}, separators=(",", ":"))


def headers_of(endpoint: WebhookEndpoint, event: WebhookEvent, at: datetime) -> dict[str, str]:
    """id, timestamp (seconds since 1970) and a signature by each secret that is valid at `at`."""
    name = f"msg_{event.pk.hex}"
    body = body_of(event)
    signatures = [Webhook(secret).sign(name, at, body) for secret in _secrets(endpoint, at)]
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _secrets(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    old = endpoint.old_secret_until is not None and at < endpoint.old_secret_until
    return [endpoint.secret, endpoint.old_secret] if old and endpoint.old_secret else [endpoint.secret]


def webhook_try(endpoint: WebhookEndpoint, event: WebhookEvent) -> Outcome:
    """Sends an event once, through the network guard; what goes wrong is an outcome too. Redirects are not followed."""
    headers = headers_of(endpoint, event, timezone.now())
    began = time.monotonic()
    try:
        answer = exchange(Call("POST", endpoint.url, headers, body_of(event).encode()), timeout=TIMEOUT)
    except Blocked:
        error = "The address leads into a network that webhooks may not reach."
        return Outcome(headers, error=error, seconds=time.monotonic() - began)
    except RequestFailed as failed:
        return Outcome(headers, error=str(failed)[:300], seconds=time.monotonic() - began)
    text = answer.body[:EXCERPT].decode("utf-8", "replace").replace("\x00", "")
    return Outcome(headers, answer.status, text, seconds=time.monotonic() - began)
