"""Webhooks out: signed, through the guard, tried again, given up, and told to the admins."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core import mail
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook

from apps.compass.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from apps.compass.services import agent_draft_save
from apps.compass.services.webhooks import (
    WAITS,
    delivery_resend,
    endpoint_create,
    endpoint_delete,
    endpoint_rotate,
    endpoint_update,
    webhook_event,
    webhook_test,
    webhooks_purge,
)
from apps.core.errors import PermanentError
from apps.core.models import OutboundEffect
from apps.core.outbox import outbox_drain
from apps.tenants.models import Tenant
from tests.compass.factories import agent_published
from tests.compass.servers import ALLOWED, Seen, reply, serving

pytestmark = pytest.mark.django_db
DATA = {"call_id": "1", "duration": 61.4}


@pytest.fixture(autouse=True)
def _allowed(settings: Settings, in_acme: Tenant) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]


@pytest.fixture
def listener() -> Iterator[Seen]:
    with serving(reply(204, b"")) as seen:
        yield seen


def endpoint(seen: Seen, *events: str) -> tuple[WebhookEndpoint, str]:
    return endpoint_create(url=f"http://{ALLOWED}:{seen.port}/hook", events=events or ("call.ended",))


def due() -> None:
    """The time of every wait has come."""
    OutboundEffect.objects.filter(state="pending").update(available_at=timezone.now())


def test_an_event_arrives_signed(listener: Seen) -> None:
    _, secret = endpoint(listener)
    webhook_event(type="call.ended", data=DATA)
    outbox_drain()
    [(method, path, headers, body)] = listener.requests
    assert (method, path) == ("POST", "/hook")
    read = Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    assert (read["type"], read["data"]) == ("call.ended", DATA)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.next_at) == ("arrived", None)
    assert WebhookAttempt.objects.get().status == 204
    outbox_drain()
    assert len(listener.requests) == 1


def test_only_who_asked_for_it_hears_of_an_event(listener: Seen) -> None:
    endpoint(listener, "call.started", "call.ended")
    other, _ = endpoint(listener, "message.sent")
    off, _ = endpoint(listener, "call.started")
    endpoint_update(endpoint=off, url=off.url, events=off.events, enabled=False)
    webhook_event(type="call.started", data={})
    webhook_event(type="document.ready", data={})
    outbox_drain()
    assert len(listener.requests) == 1 and WebhookEvent.objects.count() == 1
    assert not other.deliveries.exists()


def test_both_secrets_sign_for_a_day(listener: Seen) -> None:
    row, old = endpoint(listener)
    new = endpoint_rotate(endpoint=row)
    webhook_test(endpoint=row)
    outbox_drain()
    headers, body = {name.lower(): value for name, value in listener.requests[0][2].items()}, listener.requests[0][3]
    assert Webhook(new).verify(body, headers) == Webhook(old).verify(body, headers)
    WebhookEndpoint.objects.update(old_secret_until=timezone.now())
    webhook_test(endpoint=row)
    outbox_drain()
    assert len(listener.requests[1][2]["webhook-signature"].split()) == 1


def test_what_fails_is_tried_again_with_longer_waits_and_given_up() -> None:
    with serving(reply(500, b"no")) as seen:
        row, _ = endpoint(seen)
        webhook_event(type="call.ended", data=DATA)
        waits = []
        for _ in range(len(WAITS) + 1):
            due()
            outbox_drain()
            at = WebhookDelivery.objects.get().next_at
            waits.append(round((at - timezone.now()).total_seconds(), -1) if at else None)
    assert waits == [*(round(wait, -1) for wait in WAITS), None]
    assert len({headers["webhook-id"] for _, _, headers, _ in seen.requests}) == 1
    assert len(seen.requests) == len(WAITS) + 1
    assert WebhookDelivery.objects.get().state == "failed"
    row.refresh_from_db()
    assert row.enabled and row.failing_since is not None


def test_one_that_arrives_ends_the_failing(listener: Seen) -> None:
    row, _ = endpoint(listener)
    WebhookEndpoint.objects.update(failing_since=timezone.now())
    webhook_test(endpoint=row)
    outbox_drain()
    row.refresh_from_db()
    assert row.failing_since is None


@pytest.mark.parametrize(("status", "days"), [(410, 0), (503, 6)])
def test_an_endpoint_that_is_gone_is_switched_off_and_the_admins_told(status: int, days: int, alice: Any) -> None:
    with serving(reply(status, b"")) as seen:
        row, _ = endpoint(seen)
        if days:
            WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=days))
        webhook_event(type="call.ended", data=DATA)
        outbox_drain()
        outbox_drain()
    row.refresh_from_db()
    assert not row.enabled and row.disabled_reason
    assert "enabled" in LogEntry.objects.filter(content_type__model="webhookendpoint").latest("pk").changes
    [letter] = mail.outbox
    assert letter.bcc == ["alice@acme.test"] and row.url in letter.body and row.disabled_reason in letter.body
    assert 'href="http://acme.localhost:8000/compass/webhooks/"' in letter.alternatives[0][0]
    endpoint_update(endpoint=row, url=row.url, events=row.events, enabled=True)
    assert (row.disabled_reason, row.failing_since) == ("", None)


def test_a_redirect_is_not_followed(listener: Seen) -> None:
    with serving(reply(302, b"", location=f"http://{ALLOWED}:{listener.port}/hook")) as seen:
        endpoint(seen)
        webhook_event(type="call.ended", data=DATA)
        outbox_drain()
    assert listener.requests == [] and WebhookAttempt.objects.get().status == 302
    assert WebhookDelivery.objects.get().state == "waiting"


def test_an_address_that_became_private_is_never_reached(settings: Settings, listener: Seen) -> None:
    endpoint(listener)
    settings.TOOL_ALLOWED_NETWORKS = []
    webhook_event(type="call.ended", data=DATA)
    outbox_drain()
    assert listener.requests == [] and "may not reach" in WebhookAttempt.objects.get().error


@pytest.mark.parametrize(
    "url",
    ["http://example.com/x", "https://", "https://127.0.0.1/x", "https://user:pw@93.184.215.14/", "ftp://a.b", "https://[::1]"],
)
def test_what_cannot_be_an_address(settings: Settings, url: str) -> None:
    settings.TOOL_ALLOWED_NETWORKS = []
    with pytest.raises(PermanentError):
        endpoint_create(url=url, events=["call.ended"])
    with pytest.raises(PermanentError):
        endpoint_create(url="https://93.184.215.14/", events=["call.lost"])


def test_a_delivery_is_sent_again_with_the_same_id(listener: Seen) -> None:
    row, _ = endpoint(listener)
    webhook_event(type="call.ended", data=DATA)
    outbox_drain()
    delivery_resend(delivery=WebhookDelivery.objects.select_related("endpoint").get())
    outbox_drain()
    first, second = listener.requests
    assert first[2]["webhook-id"] == second[2]["webhook-id"] and first[3] == second[3]
    endpoint_update(endpoint=row, url=row.url, events=row.events, enabled=False)
    with pytest.raises(PermanentError):
        delivery_resend(delivery=WebhookDelivery.objects.select_related("endpoint").get())


def test_nothing_is_sent_to_what_was_switched_off_or_deleted_meanwhile(listener: Seen) -> None:
    row, _ = endpoint(listener)
    webhook_event(type="call.ended", data=DATA)
    endpoint_update(endpoint=row, url=row.url, events=row.events, enabled=False)
    outbox_drain()
    assert WebhookDelivery.objects.get().state == "failed"
    endpoint_update(endpoint=row, url=row.url, events=row.events, enabled=True)
    webhook_event(type="call.ended", data=DATA)
    endpoint_delete(endpoint=row)
    outbox_drain()
    assert listener.requests == []


def test_the_log_is_kept_for_thirty_days(listener: Seen) -> None:
    row, _ = endpoint(listener)
    for _ in range(2):
        webhook_test(endpoint=row)
    WebhookEvent.objects.filter(pk=WebhookEvent.objects.order_by("pk")[0].pk).update(
        created_at=timezone.now() - timedelta(days=31)
    )
    assert webhooks_purge() == 1
    assert WebhookDelivery.objects.count() == 1


def test_a_published_agent_is_told_of(listener: Seen) -> None:
    endpoint(listener, "agent.published")
    agent = agent_published("webhooks")
    assert WebhookEvent.objects.get().data == {"agent_id": str(agent.pk), "slug": "webhooks", "version": 1}


def test_an_agent_is_published_once_and_not_with_every_save(listener: Seen) -> None:
    endpoint(listener, "agent.published")
    agent = agent_published()
    agent_draft_save(agent=agent, config=agent.versions.get().config)
    assert [event.data for event in WebhookEvent.objects.all()] == [
        {"agent_id": str(agent.pk), "slug": "reception", "version": 1}
    ]
