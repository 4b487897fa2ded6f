"""GET /agents/{id}: contracts.md's JSON, the token's agent only, ETag, and plain refusals."""

import json
from typing import Any

import pytest
from django_tenants.utils import schema_context

from apps.compass.services import agent_create, agent_disable, agent_draft_save, agent_publish, credential_set
from apps.core.ids import uuid7
from tests.compass.factories import LOCAL, agent_published, bearer, public_get

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(in_acme: Any) -> Any:
    return agent_published(tools=[{"kind": "builtin", "name": "end_call"}])


def get(agent_id: Any, headers: dict[str, str]) -> Any:
    return public_get(f"/agents/{agent_id}", headers)


def test_answer_is_the_published_version(agent: Any) -> None:
    answer = get(agent.pk, bearer("acme", agent.pk))
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == [
        *("id", "slug", "name", "tenant", "version", "language", "prompt", "variables", "stt", "llm", "tts", "turn_taking"),
        *("tools", "handoff", "limits", "media_bot", "knowledge", "credentials"),
    ]
    assert (body["id"], body["slug"], body["tenant"], body["version"]) == (str(agent.pk), "reception", "acme", 1)
    assert body["turn_taking"] == {
        "min_endpointing_delay": 0.3,
        "max_endpointing_delay": 2.5,
        "allow_interruptions": True,
        "preemptive": True,
    }
    assert body["llm"] == {"provider": "openai", "model": "gpt-4o-mini", "temperature": 0.3, "options": {}, "fallbacks": []}
    assert [(tool["name"], tool["kind"]) for tool in body["tools"]] == [("end_call", "builtin")]
    assert body["credentials"] == {"openai": {"api_key": "test-openai-key", "base_url": "http://127.0.0.1:1/v1"}}


def test_draft_is_not_answered(agent: Any) -> None:
    agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"greeting": "Soon"}})
    assert get(agent.pk, bearer("acme", agent.pk)).json()["version"] == 1
    agent_publish(agent=agent)
    body = get(agent.pk, bearer("acme", agent.pk)).json()
    assert (body["version"], body["prompt"]["greeting"]) == (2, "Soon")


def test_a_turn_token_reads_too(agent: Any) -> None:
    assert get(agent.pk, bearer("acme", agent.pk, kind="turn")).status_code == 200


def test_tenants_own_credential_wins(agent: Any) -> None:
    credential_set(provider="openai", api_key="acme-key")
    credential_set(provider="deepgram", api_key="not-in-use")
    body = get(agent.pk, bearer("acme", agent.pk)).json()
    assert body["credentials"] == {"openai": {"api_key": "acme-key", "base_url": None}}


def test_etag_holds_until_something_changes(agent: Any) -> None:
    headers = bearer("acme", agent.pk)
    first = get(agent.pk, headers)
    assert first.headers["ETag"].startswith('"')
    assert "private" in first.headers["Cache-Control"]
    again = get(agent.pk, {**headers, "If-None-Match": f'"other", {first.headers["ETag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    credential_set(provider="openai", api_key="rotated")
    changed = get(agent.pk, {**headers, "If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_refusals(agent: Any) -> None:
    assert get(agent.pk, {"Host": "localhost"}).status_code == 401
    assert get(agent.pk, {"Host": "localhost", "Authorization": "Bearer nonsense"}).status_code == 401
    other = get(agent.pk, bearer("acme", uuid7()))
    assert (other.status_code, other.json()["code"]) == (403, "wrong_token")
    assert other.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("agent_id", ["01a20e90-23cd-744c-b711-be6c5a0ebbf0", "not-an-id"])
def test_unknown_agent(in_acme: Any, agent_id: str) -> None:
    answer = get(agent_id, bearer("acme", agent_id))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_agent")


def test_an_agent_of_another_tenant_is_unknown(agent: Any, globex: Any) -> None:
    answer = get(agent.pk, bearer("globex", agent.pk))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_agent")


def test_disabled_and_unpublished(agent: Any) -> None:
    fresh = agent_create(slug="fresh", name="Fresh", config=LOCAL)
    answer = get(fresh.pk, bearer("acme", fresh.pk))
    assert (answer.status_code, answer.json()["code"]) == (409, "not_published")
    agent_disable(agent=agent)
    answer = get(agent.pk, bearer("acme", agent.pk))
    assert (answer.status_code, answer.json()["code"]) == (409, "agent_disabled")
    assert "Compass" in answer.json()["detail"]


def test_missing_key_is_named(agent: Any, settings: Any) -> None:
    settings.PROVIDER_DEFAULTS = {}
    answer = get(agent.pk, bearer("acme", agent.pk))
    assert (answer.status_code, answer.json()["code"]) == (409, "credential_missing")
    assert "openai" in answer.json()["detail"]


def test_few_queries(agent: Any, django_assert_max_num_queries: Any) -> None:
    with schema_context("public"), django_assert_max_num_queries(5):
        assert get(agent.pk, bearer("acme", agent.pk)).status_code == 200


def test_same_agent_slug_in_two_tenants_stays_apart(agent: Any, globex: Any) -> None:
    with schema_context("globex"):
        theirs = agent_published(prompt={"greeting": "Globex speaking"})
    body = get(theirs.pk, bearer("globex", theirs.pk)).json()
    assert (body["tenant"], body["prompt"]["greeting"]) == ("globex", "Globex speaking")
    assert "Globex" not in json.dumps(get(agent.pk, bearer("acme", agent.pk)).json())
