"""The same request with the same Idempotency-Key is done once, and answered alike."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.client import encode_multipart
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


def upload(key: str, name: str, text: bytes) -> Any:
    headers = {"host": "acme.localhost", "authorization": f"Api-Key {key}", "idempotency-key": name}
    file = SimpleUploadedFile("prices.txt", text)
    boundary = f"b{len(name)}x{time.monotonic_ns()}"
    content = encode_multipart(boundary, {"file": file})
    return Client(headers=headers).post("/api/v1/knowledge", content, content_type=f"multipart/form-data; boundary={boundary}")


def test_an_upload_is_done_once_however_large_and_by_whatever_boundary(
    acme: Tenant, key: str, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    large = b"Delivery takes two days. " * 120_000
    first, second = upload(key, "u1", large), upload(key, "u1", large)
    assert (first.status_code, second.status_code) == (201, 201), first.content
    assert second.json()["id"] == first.json()["id"] and second.headers["Idempotent-Replayed"] == "true"
    assert first.json()["size"] == len(large)
    assert upload(key, "u1", b"Something else.").status_code == 409


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


def test_a_body_that_is_too_large_to_be_known_again(acme: Tenant, key: str) -> None:
    answer = make(key, "a", {**BODY, "description": "x" * 3_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "at most 2.6 MB" in answer.json()["detail"] and hooks(acme) == 0
    assert make(key, "a").status_code == 201


AT_ONCE = 8


def at_once(key: str, names: list[str]) -> list[Any]:
    """The same request from as many threads, each with a connection of its own, all beginning together."""
    start = Barrier(len(names))

    def one(name: str) -> Any:
        try:
            start.wait(30)
            return make(key, name)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(names)) as threads:
        return list(threads.map(one, names))


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_done(acme: Tenant, key: str) -> None:
    answers = at_once(key, ["a"] * AT_ONCE)
    done = [one for one in answers if one.status_code == 201]
    first = [one for one in done if "Idempotent-Replayed" not in one.headers]
    assert (len(first), hooks(acme)) == (1, 1)
    assert {one.json()["id"] for one in done} == {first[0].json()["id"]}
    waiting = [one for one in answers if one.status_code != 201]
    assert {(one.status_code, one.json()["code"]) for one in waiting} <= {(409, "in_progress")}
    assert make(key, "a").json() == first[0].json()


@pytest.mark.django_db(transaction=True)
def test_of_many_that_take_over_from_a_dead_process_one_does(acme: Tenant, key: str) -> None:
    make(key, "a")
    IdempotentAnswer.objects.update(status=None, created_at=timezone.now() - timedelta(minutes=2))
    answers = at_once(key, ["a"] * AT_ONCE)
    assert [one.status_code for one in answers if "Idempotent-Replayed" not in one.headers].count(201) == 1
    assert hooks(acme) == 2, "what the dead one made, and what one of these made"


@pytest.mark.django_db(transaction=True)
def test_keys_of_their_own_do_not_wait_for_each_other(acme: Tenant, key: str) -> None:
    answers = at_once(key, [f"k{number}" for number in range(AT_ONCE)])
    assert [one.status_code for one in answers] == [201] * AT_ONCE and hooks(acme) == AT_ONCE
