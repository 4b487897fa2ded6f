"""Calls on trial: a manager talks to the draft, and nobody else does."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.calls import livekit as livekit_module
from apps.calls.models import Call
from apps.calls.selectors_pages import calls_listed, calls_recent, calls_today
from apps.calls.services.arrivals import call_answer
from apps.calls.services.dispatches import dispatch_pair
from apps.compass.services import agent_create, agent_draft_save
from apps.tenants.models import Membership, Role, Tenant, User
from tests.calls.fake_livekit import FakeLiveKit
from tests.compass.factories import LOCAL, agent_published, public_get, public_post
from tests.pages.factories import call_make

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
URL = "/api/v1/calls/token"


def ask(client: Client, **body: Any) -> Any:
    return client.post(URL, {"agent": "reception", "version": "draft", **body}, content_type="application/json")


@pytest.fixture
def changed(acme: Tenant) -> str:
    """Reception: published once, and its draft changed since."""
    with tenant_context(acme):
        agent = agent_published(prompt={"greeting": "The old {{agent}}."})
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"greeting": "The new {{agent}}."}})
        return str(agent.pk)


def token_of(call: Call) -> dict[str, str]:
    """The headers with the token that Atlas gets for a call."""
    dispatch_pair(call, None)
    client: Any = livekit_module.client()
    metadata = json.loads(client.dispatches_list(call.room_name)[0].metadata)
    return {"Authorization": f"Bearer {metadata['token']}", "Host": "localhost"}


def test_the_draft_is_what_is_heard(client_for: ClientFor, acme: Tenant, alice: User, changed: str, livekit: FakeLiveKit) -> None:
    answers = [ask(client_for(alice, "acme")), ask(client_for(alice, "acme"), version="published")]
    assert [answer.status_code for answer in answers] == [201, 201]
    with tenant_context(acme):
        tried, called = (Call.objects.get(pk=answer.json()["call_id"]) for answer in answers)
        assert (tried.trial, called.trial) == (True, False)
        greetings = [public_get(f"/agents/{changed}", token_of(call)).json()["prompt"]["greeting"] for call in (tried, called)]
    assert greetings == ["The new Reception.", "The old Reception."]


def test_an_agent_that_was_never_published_can_be_tried(
    client_for: ClientFor, acme: Tenant, alice: User, livekit: FakeLiveKit
) -> None:
    tool = {
        "kind": "http",
        "name": "look",
        "description": "Looks.",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]},
        "http": {"url": "https://api.example.com/days"},
    }
    with tenant_context(acme):
        agent = agent_create(slug="reception", name="Reception", config={**LOCAL, "tools": [tool]})
    assert ask(client_for(alice, "acme"), version="published").status_code == 409
    answer = ask(client_for(alice, "acme"))
    with tenant_context(acme):
        call = Call.objects.get(pk=answer.json()["call_id"])
        call_answer(call)
        call.refresh_from_db()
        assert call.is_live and livekit.dispatched(call.room_name) == [("atlas", 1), ("media-bot", 1)]
        headers = token_of(call)
        ran = public_post(f"/agents/{agent.pk}/tools/look", {"arguments": {}}, headers)
    assert ran.status_code == 200 and "day" in ran.json()["error"]


def test_trials_by_role(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User, changed: str, livekit: FakeLiveKit
) -> None:
    for refused in (client_for(bob, "acme"), client_for(charlie, "acme"), client_for(None, "acme")):
        assert ask(refused).status_code == 403
    Membership.objects.filter(user=alice, tenant=acme).update(role=Role.SUPERVISOR)
    assert ask(client_for(alice, "acme")).status_code == 201
    assert ask(client_for(alice, "acme"), version="oldest").status_code == 400
    with tenant_context(acme):
        assert Call.objects.count() == 1


def test_trials_are_counted_and_listed_apart(in_acme: Tenant) -> None:
    call, trial = call_make(), call_make(trial=True)
    zone = in_acme.timezone
    assert list(calls_listed({}, zone)) == list(calls_listed({"channel": "webrtc"}, zone)) == list(calls_recent()) == [call]
    assert list(calls_listed({"channel": "trial"}, zone)) == [trial]
    assert calls_today(zone).total == 1
