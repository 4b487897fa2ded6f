"""GET /agents/{id} and its tools: what Compass answers is what the worker reads and what the OpenAPI schema says."""

from typing import Any

import pytest

from agents_worker.contracts import AgentConfig
from apps.compass.payloads import Config
from apps.compass.services import agent_disable, credential_set
from apps.core.ids import uuid7
from tests.compass.factories import agent_published, bearer, public_get, public_post
from tests.contracts.openapi import schema_check

pytestmark = pytest.mark.django_db

TOOL = {
    "kind": "http",
    "name": "book",
    "description": "Books a table.",
    "parameters": {"type": "object", "properties": {"people": {"type": "integer"}}, "required": ["people"]},
    "http": {"url": "https://api.example.com/tables", "headers": {"X-Plan": "gold"}},
}
FULL: dict[str, Any] = {
    "prompt": {"system": "Be brief.", "greeting": "Hello."},
    "stt": {"provider": "deepgram", "model": "nova-3", "options": {"smart_format": True}},
    "llm": {
        "provider": "openai",
        "model": "gpt-4o",
        "temperature": 0.1,
        "options": {"top_p": 0.9},
        "fallbacks": [{"provider": "openai", "model": "gpt-4o-mini"}],
    },
    "tts": {"provider": "elevenlabs", "model": "eleven_flash_v2_5", "voice": "21m00Tcm4TlvDq8ikWAM"},
    "turn_taking": {
        "min_endpointing_delay": 0.2,
        "max_endpointing_delay": 1.5,
        "allow_interruptions": False,
        "preemptive": False,
    },
    "tools": [TOOL, {"kind": "builtin", "name": "end_call"}],
    "handoff": {"team": "sales", "phrases": ["human"]},
    "limits": {"max_call_seconds": 600, "first_word_seconds": 3, "first_token_seconds": 2},
    "media_bot": {"ringback": None, "transcribe": False, "sentiment": None, "record": True, "record_days": 7},
}


@pytest.fixture
def agent(in_acme: Any) -> Any:
    credential_set(provider="deepgram", api_key="dg", base_url="https://93.184.215.14")
    credential_set(provider="elevenlabs", api_key="el")
    return agent_published(**FULL)


def test_the_worker_reads_all_that_compass_answers(agent: Any) -> None:
    answer = public_get(f"/agents/{agent.pk}", bearer("acme", agent.pk))
    schema_check(answer, "/agents/{agent_id}", "get")
    body = answer.json()
    read = AgentConfig.model_validate(body).model_dump()
    for part in FULL.keys() - {"llm", "tools", "prompt"}:
        assert read[part] == body[part]
    assert read["prompt"] == {part: body["prompt"][part] for part in ("system", "greeting")}  # Compass chose among the greetings
    assert read["credentials"] == {name: {"allowed_networks": None, **one} for name, one in body["credentials"].items()}
    assert read["llm"]["fallbacks"] == [{**body["llm"]["fallbacks"][0], "fallbacks": []}]
    assert read["tools"] == [{**tool} for tool in body["tools"]]
    assert "api.example.com" not in str(body["tools"])


def test_defaults_are_the_same_on_both_sides() -> None:
    compass = Config().model_dump()
    worker = AgentConfig.model_validate({"id": "x", **compass}).model_dump()
    minimal = AgentConfig.model_validate({"id": "x", **{part: compass[part] for part in ("stt", "llm", "tts")}}).model_dump()
    for part in ("turn_taking", "limits", "media_bot"):
        assert worker[part] == minimal[part] == compass[part]


def test_errors_are_as_promised(agent: Any) -> None:
    path = f"/agents/{agent.pk}"
    headers = bearer("acme", agent.pk)
    tag = public_get(path, headers).headers["ETag"]
    schema_check(public_get(path, {**headers, "If-None-Match": tag}), "/agents/{agent_id}", "get")
    schema_check(public_get(path, {"Host": "localhost"}), "/agents/{agent_id}", "get")
    schema_check(public_get(path, bearer("acme", uuid7())), "/agents/{agent_id}", "get")
    agent_disable(agent=agent)
    schema_check(public_get(path, headers), "/agents/{agent_id}", "get")


def test_tool_answers_are_as_promised(agent: Any) -> None:
    path, headers = f"/agents/{agent.pk}/tools", bearer("acme", agent.pk)
    for name, body in (("book", {"arguments": {}}), ("nothing", {}), ("book", {"arguments": []})):
        schema_check(public_post(f"{path}/{name}", body, headers), "/agents/{agent_id}/tools/{name}", "post")
