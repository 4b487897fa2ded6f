"""A turn from POST /turn to `done`, against a model that speaks OpenAI's protocol."""

import json
from typing import Any

import pytest

from apps.compass import registry
from apps.compass.registry import ToolContext, ToolFailed, tool_register
from apps.compass.services import agent_disable
from apps.core.ids import uuid7
from apps.desktop.services.team import team_create
from apps.herald import services
from tests.herald.factories import message, text_agent, turn_of, turn_post
from tests.herald.sides import ReplySide, replies_taken
from tests.standins.openai import Answer, OpenAIStandin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _builtins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_builtins", dict(registry._builtins))


def test_a_question_is_answered(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    model.answers = [Answer("We are open from **nine** to five.")]
    body = turn_of(text_agent(model, prompt={"system": "You are Reception."}), channel)
    answer = turn_post(body)
    assert (answer.status_code, answer.json()) == (202, {"turn_id": body["turn_id"]})
    assert channel.events == ["typing", "message", "done"]
    assert [event["seq"] for event in channel.taken] == [0, 1, 2]
    assert {event["turn_id"] for event in channel.taken} == {body["turn_id"]}
    assert channel.messages == ["We are open from *nine* to five."]
    assert channel.done == {
        "turn_id": body["turn_id"],
        "seq": 2,
        "event": "done",
        "escalate": False,
        "team": None,
        "reason": None,
        "summary": "Contact: “What are your opening hours?” Answer: “We are open from *nine* to five.”",
        "usage": [
            {
                "kind": "llm",
                "provider": "openai",
                "model": "gpt-4o-mini",
                "input_tokens": 28,
                "input_cached_tokens": 0,
                "output_tokens": 7,
            }
        ],
    }


def test_what_the_model_is_asked(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    agent = text_agent(model, prompt={"system": "You are Reception."}, llm={"model": "big", "options": {"top_p": 0.5}})
    history = [
        {"role": "contact", "text": "Hi", "at": "2026-03-02T09:00:00Z"},
        {"role": "agent", "text": "Hello!"},
        {"role": "person", "text": "Bob here."},
        {"role": "contact", "text": "And now?"},
    ]
    turn_post(turn_of(agent, channel, "And now?", "Still there?", history=history, summary="Wants a sofa."))
    asked = model.chats[0].body
    system = (
        "You are Reception.\nThis is a chat on WhatsApp: write plain text, as briefly as in a chat.\n"
        "The contact's name is Maria.\nSo far: Wants a sofa."
    )
    assert asked["messages"] == [
        {"role": "system", "content": system},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "assistant", "content": "Bob here."},
        {"role": "user", "content": "And now?\nStill there?"},
    ]
    assert (asked["model"], asked["stream"], asked["temperature"], asked["top_p"]) == ("big", True, 0.3, 0.5)
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["handoff"]
    assert model.chats[0].headers["authorization"] == f"Bearer {model.api_key}"


def test_options_of_the_voice_agent_alone_are_left_out(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    options = {"max_retries": 3, "timeout": 9, "prompt_cache_breakpoints": True, "seed": 7}
    turn_post(turn_of(text_agent(model, llm={"options": options}), channel))
    assert channel.done["escalate"] is False
    assert model.chats[0].body["seed"] == 7
    assert not {"max_retries", "timeout", "prompt_cache_breakpoints"} & model.chats[0].body.keys()


def test_a_tool_is_run_with_the_turns_context(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    calls: list[tuple[ToolContext, dict[str, Any]]] = []

    def book(context: ToolContext, arguments: dict[str, Any]) -> dict[str, str]:
        calls.append((context, arguments))
        return {"slot": "nine"}

    tool_register("book", description="Books a visit.", run=book)
    agent = text_agent(model, tools=[{"kind": "builtin", "name": "book"}, {"kind": "builtin", "name": "end_call"}])
    model.answers = [Answer("One moment.", tool_calls=[("book", {"day": "Monday"})]), Answer("Booked for nine.")]
    body = turn_of(agent, channel)
    turn_post(body)
    assert calls == [(ToolContext("acme", str(agent.pk), "turn", body["turn_id"]), {"day": "Monday"})]
    assert channel.messages == ["One moment.", "Booked for nine."]
    assert channel.done["escalate"] is False
    assert [tool["function"]["name"] for tool in model.chats[0].body["tools"]] == ["book", "handoff"]
    said, result = model.chats[1].body["messages"][-2:]
    assert said["tool_calls"][0]["function"] == {"name": "book", "arguments": '{"day": "Monday"}'}
    assert result["tool_call_id"] == said["tool_calls"][0]["id"]
    assert json.loads(result["content"]) == {"ok": True, "result": {"slot": "nine"}}
    (row,) = channel.done["usage"]
    assert row["output_tokens"] == 2 + 8 + 3


@pytest.mark.parametrize("error", [ToolFailed("Nobody is there."), None])
def test_a_tool_that_does_not_work_is_told_to_the_model(
    in_acme: Any, model: OpenAIStandin, channel: ReplySide, error: Exception | None
) -> None:
    def fail(context: ToolContext, arguments: dict[str, Any]) -> None:
        if error:
            raise error

    tool_register("page", description="Calls a person.", run=fail)
    agent = text_agent(model, tools=[{"kind": "builtin", "name": "page"}])
    model.answers = [Answer(tool_calls=[("page" if error else "teleport", {})]), Answer("Sorry, nobody is there.")]
    turn_post(turn_of(agent, channel))
    result = json.loads(model.chats[1].body["messages"][-1]["content"])
    assert result["ok"] is False
    assert ("Nobody" if error else "no tool named teleport") in result["error"]
    assert channel.messages == ["Sorry, nobody is there."]


def test_arguments_that_are_no_json(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    model.answers = [Answer(tool_calls=[("order", "{broken")]), Answer("Which order?")]
    turn_post(turn_of(text_agent(model), channel))
    assert "not a JSON object" in model.chats[1].body["messages"][-1]["content"]
    assert channel.messages == ["Which order?"]


def test_a_model_that_only_asks_for_tools_ends_with_a_person(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    tool_register("look", description="Looks.", run=lambda context, arguments: "nothing")
    agent = text_agent(model, tools=[{"kind": "builtin", "name": "look"}])
    model.model_answers["gpt-4o-mini"] = Answer(tool_calls=[("look", {})])
    turn_post(turn_of(agent, channel))
    assert (channel.done["escalate"], channel.done["reason"]) == (True, "error")
    assert len(model.chats) == services.TOOL_ROUNDS + 1
    assert [chat.body.get("tool_choice") for chat in model.chats][-2:] == [None, "none"]


def test_the_model_hands_over(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    arguments = {"team": "sales", "reason": "Wants a discount.", "summary": "Maria wants ten sofas cheaper."}
    model.answers = [Answer("I will ask a colleague.", tool_calls=[("handoff", arguments)])]
    turn_post(turn_of(text_agent(model, handoff={"team": "support"}), channel))
    assert channel.events == ["typing", "message", "done"]
    expected = {"escalate": True, "team": "sales", "reason": "Wants a discount.", "summary": "Maria wants ten sofas cheaper."}
    assert {key: channel.done[key] for key in expected} == expected
    assert len(channel.done["usage"]) == 1


def test_the_model_chooses_among_the_teams_there_are(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    agent = text_agent(model)
    turn_post(turn_of(agent, channel))
    team_create(slug="sales", name="Sales")
    turn_post(turn_of(agent, channel))
    without, with_team = (chat.body["tools"][-1]["function"]["parameters"]["properties"] for chat in model.chats)
    assert "team" not in without
    assert with_team["team"]["enum"] == ["sales"]
    assert "sales (Sales)" in with_team["team"]["description"]


def test_a_handoff_without_arguments_goes_to_the_agents_team(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    model.answers = [Answer(tool_calls=[("handoff", "")])]
    turn_post(turn_of(text_agent(model, handoff={"team": "support"}), channel))
    assert (channel.done["team"], channel.done["reason"]) == ("support", "The agent asked for a person.")
    assert channel.events == ["typing", "done"]


def test_a_phrase_needs_no_model(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    agent = text_agent(model, handoff={"team": "support", "phrases": ["real person", "human"]})
    turn_post(turn_of(agent, channel, "Hello", "can I talk to a HUMAN, please?"))
    assert channel.events == ["done"]
    assert (channel.done["escalate"], channel.done["team"]) == (True, "support")
    assert "human" in channel.done["reason"]
    assert (channel.done["usage"], model.chats) == ([], [])


def test_a_phrase_in_a_voice_message(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    agent = text_agent(model, handoff={"phrases": ["human"]})
    voice = message("", "audio", attachments=[{"name": "", "mime": "audio/ogg", "transcript": "Get me a human."}])
    turn_post(turn_of(agent, channel, messages=[voice]))
    assert channel.done["escalate"] is True


def test_a_long_answer_becomes_several_messages(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    paragraphs = [f"{number} " + "word " * 500 for number in range(3)]
    model.answers = [Answer("\n\n".join(paragraphs))]
    turn_post(turn_of(text_agent(model), channel))
    assert [text.split()[0] for text in channel.messages] == ["0", "1", "2"]
    assert [event["seq"] for event in channel.taken] == [0, 1, 2, 3, 4]


def test_a_longer_conversation_is_summarised_by_the_model(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    history = [{"role": role, "text": text} for role, text in (("contact", "Hi"), ("agent", "Hello!"), ("contact", "A sofa."))]
    model.answers = [Answer("Which colour?"), Answer("Maria wants a sofa; the colour is open.")]
    turn_post(turn_of(text_agent(model), channel, "For Monday.", history=history, summary="New contact."))
    assert channel.done["summary"] == "Maria wants a sofa; the colour is open."
    asked = model.chats[1].body["messages"][-1]["content"]
    assert asked.splitlines()[-5:] == [
        "Contact: Hi",
        "Agent: Hello!",
        "Contact: A sofa.",
        "Contact: For Monday.",
        "Agent: Which colour?",
    ]
    assert "New contact." in asked
    (row,) = channel.done["usage"]
    assert row["output_tokens"] == 2 + 8


def test_a_summary_that_fails_does_not_fail_the_turn(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    model.answers = [Answer("Which colour?"), Answer(status=500), Answer(status=500)]
    turn_post(turn_of(text_agent(model), channel, "One.", "Two.", "A sofa.", summary="Maria is back."))
    assert channel.done["escalate"] is False
    assert channel.done["summary"] == "Maria is back. Contact: “One. Two. A sofa.” Answer: “Which colour?”"


def test_the_same_turn_again_is_not_run_again(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    body = turn_of(text_agent(model), channel)
    first, second = turn_post(body), turn_post(body)
    assert (first.status_code, second.status_code, second.json()) == (202, 202, {"turn_id": body["turn_id"]})
    assert len(model.chats) == 1
    assert channel.events == ["typing", "message", "done"]


def test_an_agent_that_cannot_talk(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    agent = text_agent(model)
    agent_disable(agent=agent)
    turn_post(turn_of(agent, channel))
    assert channel.events == ["done"]
    assert (channel.done["escalate"], channel.done["reason"], channel.done["usage"]) == (True, "error", [])
    assert "What are your opening hours?" in channel.done["summary"]


def test_an_agent_that_is_not_there(in_acme: Any, channel: ReplySide) -> None:
    turn_post(turn_of(uuid7(), channel))
    assert (channel.done["escalate"], channel.done["reason"]) == (True, "error")


def test_a_tool_that_breaks_ends_with_a_person(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    def crash(context: ToolContext, arguments: dict[str, Any]) -> None:
        raise ZeroDivisionError

    tool_register("crash", description="Crashes.", run=crash)
    agent = text_agent(model, tools=[{"kind": "builtin", "name": "crash"}])
    model.answers = [Answer(tool_calls=[("crash", {})])]
    turn_post(turn_of(agent, channel))
    assert (channel.done["escalate"], channel.done["reason"]) == (True, "error")
    assert channel.done["usage"][0]["output_tokens"] == 8


def test_two_tenants(acme: Any, globex: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    """Each with its own key, phrases and agent; one's token opens nothing of the other's."""
    from django_tenants.utils import schema_context

    with schema_context("globex"):
        theirs = text_agent(model, handoff={"phrases": ["opening"]})
        their_turn = turn_of(theirs, channel)
    with schema_context("acme"):
        ours = text_agent(model)
        turn_post(turn_of(ours, channel))
        assert channel.done["escalate"] is False
        foreign = turn_of(theirs, channel)
    with replies_taken() as other, schema_context("acme"):
        turn_post({**foreign, "reply_url": channel.url}, tenant="acme")
        assert other.taken == []
    assert [event["reason"] for event in channel.taken if event["event"] == "done"] == [None, "error"]
    channel.taken.clear()
    with schema_context("globex"):
        turn_post({**their_turn, "turn_id": foreign["turn_id"]})
    assert "opening" in channel.done["reason"]
