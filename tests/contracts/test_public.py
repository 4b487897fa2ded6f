"""The public host's addresses, which need no log-in: whatever comes, signed or not, is never answered with a 5xx."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.test import Client
from django_tenants.utils import schema_context
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.schema import schema_current
from apps.core.tokens import token_issue
from apps.tenants.models import Tenant
from tests.billing.factories import report_of
from tests.billing.stripe.test_webhook import event as stripe_event
from tests.calls import webhooks as livekit
from tests.compass.factories import CALL_ID, agent_published
from tests.contracts.test_schema import DOCUMENT, FEW, JSON, PROBLEM, asked
from tests.herald.factories import message
from tests.whatsapp import meta

pytestmark = pytest.mark.django_db
AGENT_ID = "0198c0de-0000-7000-8000-00000000000a"
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).include(path_regex=r"^/(turn|reply|agents|calls|billing)(/|$)")
STRIPE_SECRET = "whsec_for_tests"
ODD_BODIES = {
    "nothing": b"",
    "no text": b"\xff\xfe\x00",
    "half": b'{"id": ',
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a number": b"1e999",
    "no number": b'{"id": NaN}',
    "long number": b'{"generation": 1' + b"0" * 5_000 + b"}",
    "null": b"null",
    "half a pair": b'["\\ud800", {"\\udfff": "\\ud800"}]',
    "nul": b'{"id": "a\\u0000b", "event": "\\u0000", "object": "event"}',
}
ODD_TYPES: tuple[str, ...] = (
    JSON,
    f"{JSON}; charset=zlib",
    f"{JSON}; charset=rot13",
    f"{JSON}; charset=none",
    "text/plain",
    "",
    "a/b; c=\xe9",
)
ODD_TYPES += ("multipart/form-data", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded")
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
anything = st.recursive(
    scalars, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3), max_leaves=6
)


@pytest.fixture(autouse=True)
def ready(acme: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every webhook has its secret, and no turn is answered."""
    settings.STRIPE_WEBHOOK_SECRET = STRIPE_SECRET
    settings.WHATSAPP_APP_SECRET = meta.SECRET
    monkeypatch.setattr("apps.herald.apis.turn_accept", lambda *, turn, token: turn.model_dump_json())


@pytest.fixture
def agent_id(acme: Tenant) -> str:
    with schema_context("acme"):
        return str(agent_published().pk)


def bearer(path: str, body: Any, agent_id: str) -> str:
    """The token of exactly the call or turn that the body is about, so that the answer is not "wrong token"."""
    fields = body if isinstance(body, dict) else {}
    subject = fields.get("turn_id") or (fields.get("call_id") if path == "/billing/calls" else None) or CALL_ID
    agent = fields.get("agent_id") or agent_id
    kind: Any = "turn" if path in ("/turn", "/reply") else "call"
    return "Bearer " + token_issue(kind=kind, tenant="acme", agent_id=str(agent), subject_id=str(subject), ttl=60)


@pytest.mark.slow
@SCHEMA.parametrize()
@FEW
def test_nothing_that_the_schema_allows_breaks(case: schemathesis.Case, agent_id: str) -> None:
    own = {"agent_id": agent_id, "call_id": CALL_ID}
    case.path_parameters = {name: own.get(name, value) for name, value in (case.path_parameters or {}).items()}
    client = Client(raise_request_exception=False, headers={"host": "localhost"})
    with schema_context(schema_current()):
        asked(case, client, authorization=bearer(case.path, case.body, agent_id))
        asked(case, client, authorization="Bearer e30.e30.x")


def livekit_headers(body: bytes) -> dict[str, str]:
    return {"authorization": livekit.signature(body)}


def meta_headers(body: bytes) -> dict[str, str]:
    return {"x-hub-signature-256": meta.signature(body)}


def stripe_headers(body: bytes) -> dict[str, str]:
    now = int(time.time())
    signed = hmac.new(STRIPE_SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={now},v1={signed}"}


def call_headers(body: bytes) -> dict[str, str]:
    return {"authorization": bearer("/calls", None, AGENT_ID)}


def turn_headers(body: bytes) -> dict[str, str]:
    return {"authorization": bearer("/turn", {"turn_id": CALL_ID}, AGENT_ID)}


MORE = settings(max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
Headers = Callable[[bytes], dict[str, str]]
TURN = {"turn_id": CALL_ID, "conversation_id": CALL_ID, "agent_id": AGENT_ID, "reply_url": "http://localhost:8000/reply"}
SENDERS: dict[str, tuple[Headers, Any]] = {
    "/livekit/webhook": (livekit_headers, livekit.recorded("01_room_started")),
    "/meta/webhook": (meta_headers, meta.recorded("text")),
    "/stripe/webhook": (stripe_headers, stripe_event()),
    "/turn": (turn_headers, {**TURN, "messages": [message()], "history": [{"role": "contact", "text": "Hi"}], "contact": {}}),
    "/reply": (turn_headers, {"turn_id": CALL_ID, "seq": 0, "event": "done", "escalate": True, "usage": [{}], "team": "x"}),
    f"/agents/{AGENT_ID}/tools/end_call": (call_headers, {"arguments": {"a": 1}, "call_id": CALL_ID}),
    f"/calls/{CALL_ID}/events": (
        call_headers,
        {"events": [{"seq": 0, "source": "atlas", "type": "state", "at": "2026-01-01T00:00:00Z", "state": "joined"}]},
    ),
    "/billing/calls": (call_headers, report_of(call_id=CALL_ID, agent_id=AGENT_ID)),
}


def sent(path: str, body: bytes, headers: dict[str, str], content_type: str = JSON, method: str = "POST") -> int:
    client = Client(raise_request_exception=False, headers={"host": "localhost"})
    with schema_context(schema_current()):
        answer = client.generic(method, path, body, content_type=content_type, headers=headers)
    assert answer.status_code < 500, (path, body[:200], content_type, answer.content[:300])
    if answer.status_code >= 400 and answer.status_code != 405:
        assert answer.headers["Content-Type"] == PROBLEM, (path, body[:200], answer.content[:200])
    return int(answer.status_code)


@pytest.mark.parametrize("path", SENDERS)
@pytest.mark.parametrize("name", ODD_BODIES)
def test_a_body_that_is_none(path: str, name: str) -> None:
    headers, _good = SENDERS[path]
    for given_headers in (headers(ODD_BODIES[name]), {}):
        assert 400 <= sent(path, ODD_BODIES[name], given_headers) < 500


@pytest.mark.parametrize("path", SENDERS)
def test_a_content_type_that_is_none(path: str) -> None:
    headers, good = SENDERS[path]
    body = json.dumps(good).encode()
    for content_type in ODD_TYPES:
        sent(path, body, headers(body), content_type)


@pytest.mark.parametrize("path", SENDERS)
def test_a_header_that_is_none(path: str) -> None:
    headers, good = SENDERS[path]
    body = json.dumps(good).encode()
    (name,) = headers(body)
    for value in (
        "",
        "Bearer",
        "Bearer \xe9.\xff.x",
        "t=1,v1=\xe9",
        "sha256=\xe9",
        "e30.e30.",
        "t=" + "9" * 40 + ",v1=x",
        "a" * 9_000,
    ):
        assert sent(path, body, {name: value}) == 401
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        sent(path, body, headers(body), method=method)


@pytest.mark.parametrize("path", SENDERS)
@MORE
@given(data=st.data())
def test_anything_in_any_place(path: str, data: st.DataObject) -> None:
    """One place of a good body holds something else, however deep it lies."""
    headers, good = SENDERS[path]
    body = json.dumps(changed(good, data)).encode()
    sent(path, body, headers(body))


def changed(document: Any, data: st.DataObject) -> Any:
    inner = document if isinstance(document, dict | list) and document else None
    if inner is None or data.draw(st.integers(0, 3)) == 0:
        return data.draw(anything)
    key = data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
    copy = inner.copy()
    copy[key] = changed(inner[key], data)
    return copy
