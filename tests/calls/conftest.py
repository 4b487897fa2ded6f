"""A recording LiveKit, an agent that answers, and webhooks that are worked off at once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.calls import livekit as livekit_module
from apps.calls.livekit import Participant
from apps.calls.models import Call, Dispatch
from apps.calls.services import calm
from apps.calls.services.numbers import number_set
from apps.calls.services.sweep import calls_sweep
from apps.compass.models import Agent
from apps.core.schema import schema_current
from apps.tenants.models import Route, Tenant
from apps.tenants.services import route_set
from tests.calls import webhooks
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import ATLAS, CALLER, MEDIA_BOT, ROOM, Sweep, ago
from tests.compass.factories import agent_published, bearer, public_post

Deliver = Callable[..., Any]


@pytest.fixture
def livekit(monkeypatch: pytest.MonkeyPatch) -> FakeLiveKit:
    fake = FakeLiveKit()
    monkeypatch.setattr(livekit_module, "client", lambda: fake)
    return fake


@pytest.fixture
def reception(acme: Tenant) -> Agent:
    with schema_context("acme"):
        return agent_published()


@pytest.fixture
def phone(acme: Tenant, reception: Agent, livekit: FakeLiveKit) -> FakeLiveKit:
    """The recorded SIP call reaches acme's reception: its trunk, its number, its room."""
    route_set(kind=Route.Kind.SIP_TRUNK, external_id=webhooks.TRUNK, tenant=acme)
    with schema_context("acme"):
        number_set(number=webhooks.NUMBER, agent_id=reception.pk)
    livekit.room(webhooks.SIP_ROOM)
    return livekit


@pytest.fixture
def deliver(db: None, django_capture_on_commit_callbacks: Any) -> Deliver:
    """Posts a signed event and works it off, as the worker does after the commit."""

    def send(payload: dict[str, Any]) -> Any:
        body = json.dumps(payload).encode()
        with schema_context(schema_current()), django_capture_on_commit_callbacks(execute=True):
            return webhooks.post(body, webhooks.signature(body))

    return send


@pytest.fixture
def only_call(acme: Tenant) -> Callable[[], Call]:
    """The one call of acme."""

    def get() -> Call:
        with schema_context("acme"):
            return Call.objects.get()

    return get


@pytest.fixture
def post_events(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """POST /calls/{id}/events with the call's own token (or another), each event completed with a time."""

    def send(call: Call, events: list[dict[str, Any]], headers: dict[str, str] | None = None) -> Any:
        headers = headers or bearer("acme", call.agent_id, call_id=str(call.pk))
        batch = {"events": [{"at": timezone.now().isoformat(), **event} for event in events]}
        with django_capture_on_commit_callbacks(execute=True):
            return public_post(f"/calls/{call.pk}/events", batch, headers)

    return send


@pytest.fixture
def sweep(django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """One pass of a sweeper that has been at it for a while, with a web side that answers."""
    monkeypatch.setattr(calm, "web_answers", lambda: True)

    def run() -> None:
        cache.set("calls.swept_at", timezone.now())
        with schema_context("public"), django_capture_on_commit_callbacks(execute=True):
            calls_sweep()

    return run


@pytest.fixture
def make_call(reception: Any, livekit: FakeLiveKit) -> Callable[..., Call]:
    def make(*people: Participant, room: bool = True, **fields: Any) -> Call:
        if room:
            livekit.room(ROOM, *people)
        defaults = {"channel": "webrtc", "room_name": ROOM, "agent_id": reception.pk, "caller_identity": CALLER.identity}
        with schema_context("acme"):
            return Call.objects.create(**{**defaults, "started_at": ago(30), **fields})

    return make


@pytest.fixture
def running(make_call: Callable[..., Call]) -> Callable[..., Call]:
    """A call that is under way: caller, Atlas and Media Bot are there, and Atlas was heard of `seen` seconds ago."""

    def make(*people: Participant, seen: float = 0.5, **fields: Any) -> Call:
        call = make_call(
            *(people or (CALLER, ATLAS)),
            MEDIA_BOT,
            **{"state": "in_progress", "joined_at": ago(29), "answered_at": ago(28), "agent_seen_at": ago(seen), **fields},
        )
        with schema_context("acme"):
            Dispatch.objects.create(
                call=call,
                agent_name="atlas",
                state="joined",
                dispatch_id="AD_old",
                identity=ATLAS.identity,
                joined_at=ago(28),
                spoke_at=ago(27),
            )
            Dispatch.objects.create(call=call, agent_name="media-bot", state="joined", dispatch_id="AD_mb", identity="agent-2")
        return call

    return make
