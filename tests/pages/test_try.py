"""Try it: the draft answers in text, beside its editor, and nothing of it becomes a conversation."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.calls.models import Call
from apps.compass.models import Agent, AgentVersion, TrialUsage
from apps.compass.services import agent_draft_save
from apps.compass.views.trying import NDJSON
from apps.core.ids import uuid7
from apps.desktop.models import Conversation
from apps.tenants.models import Membership, Role, Tenant, User
from tests.addresses import at
from tests.herald.factories import text_agent
from tests.herald.sides import model_running
from tests.pages.factories import call_make, talk_make
from tests.standins.openai import Answer, OpenAIStandin

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]


@pytest.fixture
def model() -> Iterator[OpenAIStandin]:
    with model_running() as standin:
        yield standin


@pytest.fixture
def agent(acme: Tenant, model: OpenAIStandin) -> Agent:
    """Published, and changed since."""
    with tenant_context(acme):
        agent = text_agent(model)
        config = {**agent.versions.get().config, "prompt": {"system": "You are the draft."}}
        agent_draft_save(agent=agent, config=config)
        return agent


@pytest.fixture
def manager(client_for: ClientFor, alice: User) -> Client:
    return client_for(alice, "acme")


def send(client: Client, agent: Agent, text: str = "When do you open?", **more: Any) -> Any:
    return client.post(at("agent-try-chat", agent.pk), {"text": text, **more})


def test_the_draft_answers_and_tells_how(manager: Client, acme: Tenant, agent: Agent, model: OpenAIStandin) -> None:
    model.answers = [Answer("From <nine>.")]
    history = [{"role": "contact", "text": "Hi"}, {"role": "agent", "text": "Hello."}]
    page = send(manager, agent, history=json.dumps(history)).content.decode()
    assert "From &lt;nine&gt;." in page and "You are the draft." in page and "tokens" in page
    assert [message["content"] for message in model.chats[0].body["messages"][1:]] == ["Hi", "Hello.", "When do you open?"]
    with tenant_context(acme):
        used = TrialUsage.objects.get()
        assert (used.kind, used.usage[0]["output_tokens"], used.agent) == ("chat", 2, agent)
        assert not Conversation.objects.exists() and not Call.objects.exists()


def test_the_published_version_where_there_is_no_draft(manager: Client, acme: Tenant, agent: Agent) -> None:
    with tenant_context(acme):
        AgentVersion.objects.filter(state="draft").delete()
    assert "You said: When do you open?" in send(manager, agent).content.decode()


def test_a_failure_is_told_in_words(manager: Client, agent: Agent, model: OpenAIStandin) -> None:
    model.model_answers = {"gpt-4o-mini": Answer(status=401)}
    page = send(manager, agent).content.decode()
    assert "refused the API key" in page and 'data-reply=""' in page


@pytest.mark.parametrize("history", ["", "[", '[{"role": "system", "text": "x"}]', "{}", "5"])
def test_a_history_that_is_none_counts_as_new(manager: Client, agent: Agent, model: OpenAIStandin, history: str) -> None:
    assert send(manager, agent, history=history).status_code == 200
    assert len(model.chats[0].body["messages"]) == 2


def test_nothing_is_answered_with_words(manager: Client, agent: Agent, model: OpenAIStandin) -> None:
    assert "write something first" in send(manager, agent, " \x00 ").content.decode()
    assert model.chats == []


def test_trying_by_role(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User, agent: Agent, model: OpenAIStandin
) -> None:
    assert send(client_for(bob, "acme"), agent).status_code == 403
    assert send(client_for(charlie, "acme"), agent).status_code == 404
    assert send(client_for(charlie, "globex"), agent).status_code == 404
    assert send(client_for(None, "acme"), agent).status_code == 302
    assert model.chats == []
    Membership.objects.filter(user=alice, tenant=acme).update(role=Role.SUPERVISOR)
    assert send(client_for(alice, "acme"), agent).status_code == 200


def test_talking_to_the_draft(
    client_for: ClientFor, manager: Client, acme: Tenant, bob: User, charlie: User, agent: Agent
) -> None:
    url = at("call-trial", agent.pk)
    page = manager.get(url).content.decode()
    assert 'data-version="draft"' in page and "Talk to the draft" in page
    assert client_for(bob, "acme").get(url).status_code == 403
    assert client_for(charlie, "acme").get(url).status_code == 404
    assert manager.get(at("call-trial", uuid7())).status_code == 404


def test_what_is_measured_of_a_trial(client_for: ClientFor, manager: Client, acme: Tenant, bob: User) -> None:
    with tenant_context(acme):
        trial, call = call_make(trial=True), call_make()
        talk_make(trial)
    page = manager.get(at("call-trial-turns", trial.pk)).content.decode()
    assert "0.92 s" in page and "order_status" in page and "data-over" in page
    assert manager.get(at("call-trial-turns", call.pk)).status_code == 404
    assert client_for(bob, "acme").get(at("call-trial-turns", trial.pk)).status_code == 403
    assert "Trial" in manager.get(at("call", trial.pk)).content.decode()


def test_the_editor_has_the_panel(manager: Client, agent: Agent) -> None:
    page = manager.get(at("agent", agent.slug)).content.decode()
    assert at("agent-try-chat", agent.pk) in page and "Try the draft" in page and "No check yet" in page


def heard(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for chunk in answer.streaming_content for line in chunk.decode().splitlines() if line]


@pytest.mark.django_db(transaction=True)
def test_the_answer_is_heard_while_it_is_written(manager: Client, acme: Tenant, agent: Agent, model: OpenAIStandin) -> None:
    model.answers = [Answer("One moment.", tool_calls=[("nothing_such", {"day": "Monday"})]), Answer("From <nine>.")]
    told = heard(manager.post(at("agent-try-chat", agent.pk), {"text": "When?", "turn": "1"}, headers={"accept": NDJSON}))
    kinds = [one["kind"] for one in told]
    assert kinds == ["text", "text", "tool", "tool_done", "text", "text", "ended"]
    assert "".join(one["text"] for one in told if one["kind"] == "text") == "One moment. From <nine>. "
    assert told[0]["first"] > 0
    tool, done = told[2], told[3]
    assert (tool["name"], tool["arguments"], done["ok"]) == ("nothing_such", {"day": "Monday"}, False)
    assert "From &lt;nine&gt;." in told[-1]["html"] and "first word" in told[-1]["html"]
    with tenant_context(acme):
        assert TrialUsage.objects.get().agent == agent


@pytest.mark.django_db(transaction=True)
def test_another_model_begins_anew(manager: Client, acme: Tenant, agent: Agent, model: OpenAIStandin) -> None:
    with tenant_context(acme):
        config = agent.versions.get(state="draft").config
        fallbacks = [{"model": "small", "provider": "openai"}]
        agent_draft_save(agent=agent, config={**config, "llm": {**config["llm"], "model": "big", "fallbacks": fallbacks}})
    model.model_answers = {"big": Answer("Half an", ends="breaks"), "small": Answer("Whole.")}
    told = heard(manager.post(at("agent-try-chat", agent.pk), {"text": "When?", "turn": "1"}, headers={"accept": NDJSON}))
    assert [one.get("text", one["kind"]) for one in told] == ["Half ", "again", "Whole. ", "ended"]


@pytest.mark.django_db(transaction=True)
def test_stop_ends_the_answer_and_keeps_what_there_is(
    manager: Client, client_for: ClientFor, bob: User, agent: Agent, model: OpenAIStandin
) -> None:
    model.answers = [Answer("First words", ends="stalls")]
    answer = manager.post(at("agent-try-chat", agent.pk), {"text": "When?", "turn": "mine"}, headers={"accept": NDJSON})
    lines = iter(answer.streaming_content)
    assert json.loads(next(line for line in lines if line.strip()))["text"] == "First "
    assert client_for(bob, "acme").post(at("agent-try-stop", agent.pk), {"turn": "mine"}).status_code == 403
    assert manager.post(at("agent-try-stop", agent.pk), {"turn": "another"}).status_code == 204
    assert next(lines).strip() == b""  # it goes on
    assert manager.post(at("agent-try-stop", agent.pk), {"turn": "mine"}).status_code == 204
    [ended] = [json.loads(line) for line in lines if line.strip()]
    assert "You stopped the answer here" in ended["html"] and 'data-reply="First"' in ended["html"]


@pytest.mark.django_db(transaction=True)
def test_a_page_that_is_closed_stops_its_answer(manager: Client, agent: Agent, model: OpenAIStandin) -> None:
    model.answers = [Answer("First words", ends="stalls")]
    before = set(threading.enumerate())
    answer = manager.post(at("agent-try-chat", agent.pk), {"text": "When?", "turn": "1"}, headers={"accept": NDJSON})
    next(line for line in answer.streaming_content if line.strip())
    [beside] = [thread for thread in set(threading.enumerate()) - before if thread.name == "trial-chat"]
    answer.close()
    beside.join(timeout=60)
    assert not beside.is_alive()


@pytest.mark.django_db(transaction=True)
def test_what_breaks_ends_the_stream(manager: Client, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("It broke.")

    monkeypatch.setattr("apps.herald.trial.HeraldChat.turn", lambda self, **given: broken(**given))
    assert heard(manager.post(at("agent-try-chat", agent.pk), {"text": "When?"}, headers={"accept": NDJSON})) == []
