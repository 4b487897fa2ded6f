"""POST /livekit/webhook: what is not LiveKit's touches no table, and what is, is stored once."""

import json
import time
from typing import Any

import jwt
import pytest
from django.conf import settings

from apps.core.models import InboundEvent
from tests.calls.conftest import Deliver
from tests.calls.webhooks import post, recorded, signature

pytestmark = pytest.mark.django_db

BODY = json.dumps(recorded("01_room_started")).encode()


def _signed_by(secret: str, issuer: str = "test-key") -> str:
    """The same at every collection, so that xdist's workers name the test alike."""
    claims = jwt.decode(signature(BODY), options={"verify_signature": False})
    return jwt.encode({**claims, "nbf": 0, "exp": 4_000_000_000, "iss": issuer}, secret, algorithm="HS256")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "bad_signature"),
        ("", "bad_signature"),
        ("not a token", "bad_signature"),
        (_signed_by("another-secret-of-at-least-32-characters"), "bad_signature"),
        (_signed_by("test-secret-of-at-least-32-characters", "another-key"), "bad_signature"),
        (jwt.encode({"iss": "test-key", "exp": 4_000_000_000}, None, algorithm="none"), "bad_signature"),
        (lambda: signature(BODY, exp=int(time.time()) - 60), "bad_signature"),
        (lambda: signature(BODY, nbf=int(time.time()) + 60), "bad_signature"),
        (lambda: signature(BODY + b" "), "bad_hash"),
        (lambda: signature(BODY, sha256=""), "bad_hash"),
        (lambda: signature(BODY, sha256=None), "bad_hash"),
        (lambda: "Bearer " + signature(BODY), "bad_signature"),
    ],
)
def test_forged_is_refused_before_the_database(authorization: Any, code: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = post(BODY, authorization() if callable(authorization) else authorization)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert not InboundEvent.objects.exists()


def test_token_without_exp_is_refused() -> None:
    claims = jwt.decode(signature(BODY), options={"verify_signature": False})
    del claims["exp"]
    token = jwt.encode(claims, settings.LIVEKIT_API_SECRET, algorithm="HS256")
    assert post(BODY, token).status_code == 401


@pytest.mark.parametrize("place", range(0, len(BODY), 97))
def test_every_altered_byte_is_refused(place: int) -> None:
    altered = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
    assert post(altered, signature(BODY)).status_code == 401
    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"event": "room_started"}', b'{"id": "", "event": "x"}', b'{"id": 7, "event": "x"}']
)
def test_signed_but_no_event_is_a_400(body: bytes) -> None:
    answer = post(body, signature(body))
    assert answer.status_code == 400
    assert not InboundEvent.objects.exists()


def test_too_big_is_a_413() -> None:
    body = json.dumps({"id": "EV_1", "event": "x" * (1024 * 1024)}).encode()
    assert post(body, signature(body)).status_code == 413


def test_only_post() -> None:
    from django.test import Client

    assert Client(headers={"host": "localhost"}).get("/livekit/webhook").status_code == 405


def test_stored_once_however_often_it_comes(deliver: Deliver) -> None:
    payload = recorded("01_room_started")
    assert [deliver(payload).status_code for _ in range(3)] == [200, 200, 200]
    event = InboundEvent.objects.get()
    assert (event.external_id, event.kind, event.attempts) == (payload["id"], "room_started", 1)


def test_unknown_kind_is_stored_and_ignored(deliver: Deliver, acme: Any) -> None:
    payload = recorded("01_room_started", event="egress_updated")
    assert deliver(payload).status_code == 200
    event = InboundEvent.objects.get()
    assert (event.state, event.schema_name) == ("ignored", "acme")
    assert "egress_updated" in event.note


def test_nul_in_a_name_is_kept_out_of_the_database(deliver: Deliver) -> None:
    payload = recorded("01_room_started")
    payload["room"]["sid"] = "a\x00b"
    assert deliver(payload).status_code == 200
    assert InboundEvent.objects.get().payload["room"]["sid"] == "ab"


def test_room_of_nobody_is_ignored(deliver: Deliver) -> None:
    deliver(recorded("01_room_started", room="somebody-elses-room"))
    event = InboundEvent.objects.get()
    assert (event.state, event.schema_name) == ("ignored", "")
