"""The same request with the same Idempotency-Key is done once, and answered alike."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.compass.models import WebhookEndpoint
from apps.core.idempotency import IdempotentAnswer
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant
from apps.tenants.models_keys import SCOPES

pytestmark = pytest.mark.django_db
HOOKS = "/api/v1/webhooks"
BODY = {"url": "https://93.184.215.14/hook", "events": ["call.ended"]}


@pytest.fixture
def key(acme: Tenant) -> str:
    return api_key_create(tenant=acme, name="shop", scopes=SCOPES)[1]


def make(key: str, name: str, body: dict[str, Any] | None = None, tenant: str = "acme") -> Any:
    headers = {"host": f"{tenant}.localhost", "authorization": f"Api-Key {key}", "idempotency-key": name}
    return Client(headers=headers).post(HOOKS, body or BODY, content_type="application/json")


def hooks(tenant: Tenant) -> int:
    with tenant_context(tenant):
        return WebhookEndpoint.objects.count()


def test_a_repeat_gets_the_first_answer_and_does_nothing(acme: Tenant, key: str) -> None:
    first, again = make(key, "a"), make(key, "a")
    assert first.status_code == 201, first.content
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    assert hooks(acme) == 1
    assert make(key, "b").status_code == 201 and hooks(acme) == 2


def test_the_key_of_another_body_is_refused(acme: Tenant, key: str) -> None:
    make(key, "a")
    answer = make(key, "a", {**BODY, "events": ["call.started"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
    assert answer.headers["Content-Type"] == "application/problem+json" and hooks(acme) == 1


def test_each_api_key_and_tenant_has_keys_of_its_own(acme: Tenant, globex: Tenant, key: str) -> None:
    _, mine = api_key_create(tenant=acme, name="other", scopes=SCOPES)
    _, theirs = api_key_create(tenant=globex, name="theirs", scopes=SCOPES)
    assert [make(key, "a").status_code, make(mine, "a").status_code] == [201, 201]
    assert make(theirs, "a", tenant="globex").status_code == 201
    assert (hooks(acme), hooks(globex)) == (2, 1)


def test_while_the_first_is_being_done_the_second_waits(acme: Tenant, key: str) -> None:
    make(key, "a")
    IdempotentAnswer.objects.update(status=None)
    answer = make(key, "a")
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (409, "in_progress", "1")
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert make(key, "a").status_code == 201, "the process of the first one died"
    assert make(key, "a").headers["Idempotent-Replayed"] == "true"


def test_after_a_day_a_key_is_free(acme: Tenant, key: str) -> None:
    make(key, "a")
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert "Idempotent-Replayed" not in make(key, "a").headers and hooks(acme) == 2


def test_what_is_kept_cannot_be_read_in_the_database(acme: Tenant, key: str) -> None:
    secret = make(key, "a").json()["secret"]
    [row] = IdempotentAnswer.objects.extra(select={"raw": "body"}).values_list("raw", flat=True)
    assert secret not in row and len(row) > 100


def test_who_is_not_known_uses_up_no_key(acme: Tenant, key: str) -> None:
    assert make("mk_unknown.key", "a").status_code == 401
    assert not IdempotentAnswer.objects.exists()
    _, weak = api_key_create(tenant=acme, name="weak", scopes=["calls:read"])
    assert make(weak, "a").status_code == 403
    assert not IdempotentAnswer.objects.exists()


def test_a_key_that_is_none(key: str) -> None:
    answer = make(key, "x" * 256)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")
