"""Every write of webhooks: endpoints, events in the outbox, and how deliveries go."""

import json
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.compass.guard import Blocked, Unresolved, addresses_of
from apps.compass.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from apps.compass.webhooks import TEST, TYPES, Outcome, secret_make
from apps.core.errors import Ignored, PermanentError, TransientError
from apps.core.outbox import effect_enqueue
from apps.core.prepared import prepared

KIND = "compass.webhook"
MAIL = "compass.webhook_mail"
RESOLVE_SECONDS = 3.0
OVERLAP = timedelta(hours=24)
PATIENCE = timedelta(days=5)
KEPT = timedelta(days=30)
# Seconds after the first, second, … failed try; the outbox gives up after one more than these.
WAITS = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
State = WebhookDelivery.State
HEARING = "SELECT id FROM compass_webhookendpoint WHERE enabled AND events @> %s::jsonb ORDER BY created_at"


def endpoint_create(*, url: str, events: Collection[str], description: str = "") -> tuple[WebhookEndpoint, str]:
    """The endpoint and its secret, which is shown once. Raises PermanentError for an address or event that cannot be."""
    _check(url, events)
    secret = secret_make()
    wanted = [type for type in TYPES if type in events]
    row = WebhookEndpoint.objects.create(url=url.strip(), events=wanted, description=description[:120], secret=secret)
    return row, secret


def endpoint_update(
    *, endpoint: WebhookEndpoint, url: str, events: Collection[str], description: str = "", enabled: bool = True
) -> WebhookEndpoint:
    """Changes an endpoint; switched on again it starts without its old failures. Raises PermanentError."""
    _check(url, events)
    endpoint.url, endpoint.description = url.strip(), description[:120]
    endpoint.events = [type for type in TYPES if type in events]
    if enabled and not endpoint.enabled:
        endpoint.disabled_reason, endpoint.failing_since = "", None
    endpoint.enabled = enabled
    endpoint.save()
    return endpoint


def endpoint_rotate(*, endpoint: WebhookEndpoint) -> str:
    """A new secret; the old one goes on signing beside it for 24 hours."""
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, timezone.now() + OVERLAP
    endpoint.secret = secret_make()
    endpoint.save()
    return endpoint.secret


def endpoint_delete(*, endpoint: WebhookEndpoint) -> None:
    """Forgets an endpoint with its log; nothing more is sent to it."""
    endpoint.delete()


def _check(url: str, events: Collection[str]) -> None:
    if not events or set(events) - set(TYPES):
        raise PermanentError(_("Choose one event at least."))
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        host, port = "", 0
    allowed = ("https", "http") if settings.TOOL_ALLOWED_NETWORKS else ("https",)
    if not host or parts.scheme not in allowed or "@" in parts.netloc or len(url) > 500:
        raise PermanentError(_("Write an address that begins with https://, such as https://example.com/hooks."))
    try:
        addresses_of(host, port, timeout=RESOLVE_SECONDS)
    except Unresolved as error:
        raise PermanentError(_("%(host)s cannot be found. Check its spelling.") % {"host": host}) from error
    except Blocked as error:
        raise PermanentError(_("This address leads into a private network. Use one that is reachable from outside.")) from error


def webhook_event(*, type: str, data: dict[str, Any]) -> None:
    """Tells every endpoint that hears of `type`, through the outbox, in the caller's transaction; no endpoint costs one read."""
    with prepared(HEARING, [json.dumps([type])]) as cursor:
        ids = [pk for (pk,) in cursor.fetchall()]
    if ids:
        with transaction.atomic():
            _publish([WebhookEndpoint(pk=pk) for pk in ids], type, data)


def webhook_test(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Sends an event of type webhook.test to one endpoint."""
    with transaction.atomic():
        return _publish([endpoint], TEST, {"message": "Hello from Meridian."})[0]


def _publish(endpoints: list[WebhookEndpoint], type: str, data: dict[str, Any]) -> list[WebhookDelivery]:
    event = WebhookEvent.objects.create(type=type, data=data)
    made = [WebhookDelivery(endpoint=endpoint, event=event, next_at=event.created_at) for endpoint in endpoints]
    deliveries = WebhookDelivery.objects.bulk_create(made)
    for delivery in deliveries:
        _enqueue(delivery)
    return deliveries


def _enqueue(delivery: WebhookDelivery) -> None:
    key = f"{KIND}:{delivery.pk}:{delivery.rounds}"
    effect_enqueue(kind=KIND, key=key, payload={"delivery": str(delivery.pk), "round": delivery.rounds})


@transaction.atomic
def delivery_resend(*, delivery: WebhookDelivery) -> None:
    """Sends the same event again, with the same id, as if it had just happened. Raises PermanentError."""
    if not delivery.endpoint.enabled:
        raise PermanentError(_("This endpoint is switched off. Switch it on first."))
    rows = WebhookDelivery.objects.filter(pk=delivery.pk)
    rows.update(state=State.WAITING, rounds=F("rounds") + 1, next_at=timezone.now())
    delivery.refresh_from_db()
    _enqueue(delivery)


def delivery_note(*, delivery: WebhookDelivery, outcome: Outcome, tries: int) -> None:
    """Keeps a try, and decides what follows. Raises TransientError with the wait, PermanentError when it is given up."""
    WebhookAttempt.objects.create(
        delivery=delivery, seconds=round(outcome.seconds, 3), headers=outcome.headers, status=outcome.status,
        answer=outcome.answer, error=outcome.error,
    )  # fmt: skip
    if outcome.arrived:
        _state(delivery, State.ARRIVED)
        WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).exclude(failing_since=None).update(failing_since=None)
        return
    why = outcome.error or f"It answered {outcome.status}."
    _failed(delivery.endpoint, outcome)
    if tries > len(WAITS) or outcome.status == 410:
        _state(delivery, State.FAILED)
        raise PermanentError(why)
    wait = WAITS[tries - 1]
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_at=timezone.now() + timedelta(seconds=wait))
    raise TransientError(why, after=wait)


def delivery_drop(*, delivery: WebhookDelivery) -> None:
    """Its endpoint was switched off meanwhile. Always raises Ignored."""
    _state(delivery, State.FAILED)
    raise Ignored("The endpoint is switched off.")


def _state(delivery: WebhookDelivery, state: str) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=state, next_at=None)


def _failed(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    now = timezone.now()
    WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since=None).update(failing_since=now)
    if outcome.status == 410:
        _disable(endpoint, _("It answered 410 Gone, which asks us to stop."))
    elif endpoint.failing_since is not None and now - endpoint.failing_since > PATIENCE:
        _disable(endpoint, _("Nothing has arrived there for five days."))


@transaction.atomic
def _disable(endpoint: WebhookEndpoint, reason: str) -> None:
    """Once; the admins are told by e-mail."""
    row = WebhookEndpoint.objects.select_for_update().filter(pk=endpoint.pk, enabled=True).first()
    if row is not None:
        row.enabled, row.disabled_reason = False, reason
        row.save(update_fields=["enabled", "disabled_reason"])  # and no UPDATE, so that the audit log hears of it
        key = f"{MAIL}:{endpoint.pk}:{int(timezone.now().timestamp())}"
        effect_enqueue(kind=MAIL, key=key, payload={"endpoint": str(endpoint.pk), "url": endpoint.url, "reason": reason})


def webhooks_purge() -> int:
    """Forgets events and deliveries older than 30 days; returns how many events."""
    return WebhookEvent.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[1].get("compass.WebhookEvent", 0)
