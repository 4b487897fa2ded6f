"""Webhooks in the settings and at /api/v1/webhooks, for admins and keys with the scope."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.models import WebhookDelivery, WebhookEndpoint
from apps.compass.services.webhooks import endpoint_create, webhook_test
from apps.compass.webhooks import Outcome
from apps.core.outbox import outbox_drain
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant, User
from tests.addresses import at

ClientFor = Callable[[User | None, str], Client]
FORM = {"url": "https://93.184.215.14/hook", "description": "CRM", "events": ["call.ended", "message.sent"]}
API = "/api/v1/webhooks"


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every delivery is answered 500, with what looks like HTML."""
    outcome = Outcome({"webhook-id": "msg_1"}, 500, "<b>broken</b>", seconds=0.2)
    monkeypatch.setattr("apps.compass.effects_webhooks.webhook_try", lambda endpoint, event: outcome)


@pytest.fixture
def endpoint(acme: Tenant) -> WebhookEndpoint:
    with tenant_context(acme):
        return endpoint_create(url=FORM["url"], events=FORM["events"], description="CRM")[0]  # type: ignore[arg-type]


def test_a_webhook_is_made_changed_and_deleted(admin: Client, acme: Tenant) -> None:
    assert "No webhook yet" in admin.get(at("webhooks")).content.decode()
    made = admin.post(at("webhook-new"), FORM)
    assert made.status_code == 200 and "whsec_" in made.content.decode()
    with tenant_context(acme):
        row = WebhookEndpoint.objects.get()
        assert row.events == FORM["events"] and row.secret in made.content.decode()
    page = admin.get(at("webhook", row.pk)).content.decode()
    assert "CRM" in page and row.secret not in page and "Nothing was sent yet" in page
    changed = admin.post(at("webhook-edit", row.pk), {**FORM, "events": ["call.started"]})
    assert changed.status_code == 302, "and without the tick it is switched off"
    with tenant_context(acme):
        row.refresh_from_db()
        assert (row.events, row.enabled) == (["call.started"], False)
    assert "switched off" in admin.get(at("webhooks")).content.decode()
    assert admin.post(at("webhook-delete", row.pk)).status_code == 302
    assert admin.get(at("webhook", row.pk)).status_code == 404


def test_an_address_inside_is_refused_in_words(admin: Client, acme: Tenant) -> None:
    answer = admin.post(at("webhook-new"), {**FORM, "url": "https://127.0.0.1/"})
    assert answer.status_code == 422 and "private network" in answer.content.decode()
    assert admin.post(at("webhook-new"), {**FORM, "events": []}).status_code == 422
    with tenant_context(acme):
        assert not WebhookEndpoint.objects.exists()


def test_the_log_shows_request_and_answer_and_sends_again(
    admin: Client, acme: Tenant, endpoint: WebhookEndpoint, answered: None
) -> None:
    assert admin.post(at("webhook-test", endpoint.pk)).status_code == 302
    outbox_drain()
    with tenant_context(acme):
        delivery = WebhookDelivery.objects.get()
    log = admin.get(at("webhook", endpoint.pk)).content.decode()
    assert "webhook.test" in log and ">500<" in log and "failing" in log
    page = admin.get(at("webhook-delivery", endpoint.pk, delivery.pk)).content.decode()
    assert "webhook-id: msg_1" in page and "Hello from Meridian" in page and "&lt;b&gt;broken" in page
    assert admin.post(at("webhook-resend", endpoint.pk, delivery.pk)).status_code == 302
    outbox_drain()
    with tenant_context(acme):
        assert delivery.attempts.count() == 2


def test_a_new_secret_is_shown_once(admin: Client, acme: Tenant, endpoint: WebhookEndpoint) -> None:
    answer = admin.post(at("webhook-rotate", endpoint.pk))
    assert "24 hours" in answer.content.decode() and "no-store" in answer["Cache-Control"]
    with tenant_context(acme):
        row = WebhookEndpoint.objects.get()
    assert row.secret in answer.content.decode() and row.old_secret == endpoint.secret != row.secret


@pytest.mark.parametrize("name", ["webhooks", "webhook-new", "webhook"])
def test_only_admins_see_webhooks(client_for: ClientFor, bob: User, charlie: User, endpoint: WebhookEndpoint, name: str) -> None:
    path = at(name, endpoint.pk) if name == "webhook" else at(name)
    assert client_for(bob, "acme").get(path).status_code == 403
    assert client_for(charlie, "acme").get(path).status_code == 404
    if name == "webhook":
        assert client_for(charlie, "globex").get(path).status_code == 404


def test_the_api_of_webhooks(acme: Tenant) -> None:
    _, text = api_key_create(tenant=acme, name="crm", scopes=["webhooks:write"])
    client = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {text}"})
    made = post(client, API, {"url": FORM["url"], "events": ["call.ended"]})
    assert made.status_code == 201 and made.json()["secret"].startswith("whsec_")
    one = f"{API}/{made.json()['id']}"
    assert "secret" not in client.get(one).json() and len(client.get(API).json()["results"]) == 1
    changed = client.patch(one, {"enabled": False}, content_type="application/json").json()
    assert (changed["enabled"], changed["events"]) == (False, ["call.ended"])
    assert post(client, f"{one}/rotate").json()["secret"] != made.json()["secret"]
    assert post(client, f"{one}/test").status_code == 202
    [delivery] = client.get(f"{one}/deliveries").json()["results"]
    assert (delivery["type"], delivery["state"], delivery["tries"]) == ("webhook.test", "waiting", 0)
    refused = post(client, f"{one}/deliveries/{delivery['id']}/resend")
    assert refused.status_code == 422 and "switched off" in refused.json()["detail"]
    assert client.delete(one).status_code == 204 and client.get(one).json()["code"] == "unknown_webhook"


def test_the_api_refuses_who_may_not(acme: Tenant, endpoint: WebhookEndpoint, client_for: ClientFor, bob: User) -> None:
    _, text = api_key_create(tenant=acme, name="crm", scopes=["webhooks:read"])
    client = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {text}"})
    assert client.get(API).status_code == 200
    assert post(client, API, FORM).json()["scope"] == "webhooks:write"
    assert client_for(bob, "acme").get(API).status_code == 403
    bad = post(client_for(User.objects.get(email="alice@acme.test"), "acme"), API, {"url": "https://10.0.0.1", "events": ["x"]})
    assert bad.status_code == 400 and set(bad.json()["errors"]) == {"events"}


def test_pages_of_the_log_follow_a_cursor(acme: Tenant, admin: Client, endpoint: WebhookEndpoint) -> None:
    with tenant_context(acme):
        for _ in range(3):
            webhook_test(endpoint=endpoint)
    first = admin.get(f"{API}/{endpoint.pk}/deliveries?limit=2").json()
    assert len(first["results"]) == 2 and first["previous"] is None
    second = admin.get(first["next"]).json()
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert len(set(ids)) == 3 and second["next"] is None


def post(client: Client, path: str, body: dict[str, Any] | None = None) -> Any:
    return client.post(path, body or {}, content_type="application/json")
