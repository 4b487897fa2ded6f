"""/api/v1/agents/{id}/trial: a program tries the draft, and is told how the answer came about."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.calls.models import Call
from apps.compass import chat
from apps.compass.chat import Cost
from apps.compass.models import Agent, TrialUsage
from apps.compass.services import agent_create, agent_draft_save
from apps.core.ids import uuid7
from apps.desktop.models import Conversation
from apps.tenants.access import MANAGERS
from apps.tenants.models import Role, Tenant, User
from tests.compass.factories import LOCAL
from tests.herald.factories import text_agent
from tests.herald.sides import model_running
from tests.programs import ask, only_for, person, program
from tests.standins.openai import Answer, OpenAIStandin

pytestmark = pytest.mark.django_db
ORDERS = {"kind": "http", "name": "order", "description": "Finds it.", "http": {"method": "GET", "url": "https://shop.example/"}}


@pytest.fixture
def model() -> Iterator[OpenAIStandin]:
    with model_running() as standin:
        yield standin


@pytest.fixture
def agent(acme: Tenant, model: OpenAIStandin) -> Agent:
    """Published, and changed since."""
    with tenant_context(acme):
        agent = text_agent(model, tools=[ORDERS])
        config = {**agent.versions.get().config, "prompt": {"system": "You are the draft."}}
        agent_draft_save(agent=agent, config=config)
        return agent


@pytest.fixture
def key(acme: Tenant) -> Client:
    return program(acme, "agents:write")


def at(agent: Any) -> str:
    return f"/api/v1/agents/{getattr(agent, 'pk', agent)}/trial"


def test_the_draft_answers_and_tells_how(
    key: Client, acme: Tenant, agent: Agent, model: OpenAIStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "_prices", [lambda usages: [Cost(Decimal("0.0001234"), "USD") for _ in usages]])
    model.answers = [Answer("From nine.")]
    history = [{"role": "contact", "text": "Hi"}, {"role": "agent", "text": "Hello."}]
    answer = ask(key, "POST", at(agent), {"text": " When do\x00 you open? ", "history": history})
    told = answer.json()
    assert (answer.status_code, told["messages"], told["error"], told["handoff"]) == (200, ["From nine."], "", None)
    assert "You are the draft." in told["prompt"][0]["content"]
    assert [said["content"] for said in told["prompt"][1:]] == ["Hi", "Hello.", "When do you open?"]
    assert (told["model"], told["usage"][0]["output_tokens"]) == ("gpt-4o-mini", 2)
    assert told["first_token"] <= told["seconds"] and told["cost"] == {"amount": "0.000123", "currency": "USD"}
    with tenant_context(acme):
        used = TrialUsage.objects.get()
        assert (used.kind, used.agent, used.user_id) == ("chat", agent, None)
        assert not Conversation.objects.exists() and not Call.objects.exists()


def test_tools_are_told_and_answered_as_asked(key: Client, agent: Agent, model: OpenAIStandin) -> None:
    model.answers = [Answer(tool_calls=[("order", {})]), Answer("It is shipped.")]
    told = ask(key, "POST", at(agent), {"text": "Where is it?", "tool_answers": {"order": {"status": "shipped"}}}).json()
    [tool] = told["tools"]
    assert (tool["name"], tool["ok"], tool["canned"], tool["result"]) == ("order", True, True, {"status": "shipped"})
    assert told["messages"] == ["It is shipped."]


def test_the_same_request_again_is_answered_once(key: Client, acme: Tenant, agent: Agent, model: OpenAIStandin) -> None:
    answers = [ask(key, "POST", at(agent), {"text": "Hi"}, **{"Idempotency-Key": "one"}).json() for _ in range(2)]
    assert answers[0] == answers[1] and len(model.chats) == 1
    with tenant_context(acme):
        assert TrialUsage.objects.count() == 1


def test_a_failure_is_told_in_words(key: Client, agent: Agent, model: OpenAIStandin) -> None:
    model.model_answers = {"gpt-4o-mini": Answer(status=401)}
    answer = ask(key, "POST", at(agent), {"text": "Hi"})
    assert answer.status_code == 200 and "refused the API key" in answer.json()["error"]
    assert answer.json()["messages"] == [] and model.api_key not in answer.content.decode()


def test_what_must_not_be_tried_now_is_told(
    key: Client, agent: Agent, model: OpenAIStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "_gates", [lambda agent_id: "This month's limit is reached."])
    answer = ask(key, "POST", at(agent), {"text": "Hi"})
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (
        409,
        "not_now",
        "This month's limit is reached.",
    )
    assert model.chats == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": " \x00 "}, "text"),
        ({"text": "x" * 4_001}, "text"),
        ({"text": "Hi", "history": [{"role": "system", "text": "x"}]}, "history.0.role"),
        ({"text": "Hi", "histories": []}, "histories"),
    ],
)
def test_what_cannot_be_asked_is_told(key: Client, agent: Agent, model: OpenAIStandin, body: dict[str, Any], field: str) -> None:
    answer = ask(key, "POST", at(agent), body)
    assert answer.status_code == 422 and [one["field"] for one in answer.json()["errors"]] == [field]
    assert model.chats == []


def test_who_may_try(acme: Tenant, globex: Tenant, agent: Agent, model: OpenAIStandin, alice: User) -> None:
    only_for(acme, globex, [("POST", at(agent))], scope="agents", roles=MANAGERS)
    assert ask(program(acme, "agents:read"), "POST", at(agent), {"text": "Hi"}).json()["code"] == "scope_missing"
    assert ask(program(globex, "agents:write"), "POST", at(agent), {"text": "Hi"}).status_code == 404
    assert ask(program(acme, "agents:write"), "POST", at(uuid7()), {"text": "Hi"}).status_code == 404
    assert model.chats == []
    assert ask(person(acme, Role.SUPERVISOR), "POST", at(agent), {"text": "Hi"}).json()["messages"]
    with tenant_context(acme):
        assert TrialUsage.objects.get().user_id is not None
        agent_create(slug="other", name="Other", config=LOCAL)
