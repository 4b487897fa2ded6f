"""Herald on trial: the same answers as in a conversation, and how each came about."""

from typing import Any

import pytest

from apps.compass import registry
from apps.compass.chat import Said, chat
from apps.compass.models import Agent, AgentVersion, ProviderCredential
from apps.compass.registry import ToolContext, ToolFailed, tool_register
from apps.desktop.models import Conversation
from apps.desktop.services.team import team_create
from tests.herald.factories import text_agent
from tests.standins.openai import Answer, OpenAIStandin

pytestmark = pytest.mark.django_db
CALENDAR = {
    "kind": "builtin",
    "name": "calendar",
}


@pytest.fixture(autouse=True)
def _builtins(monkeypatch: pytest.MonkeyPatch) -> list[ToolContext]:
    """A calendar that is free on Mondays only, and says who asked it."""
    monkeypatch.setattr(registry, "_builtins", dict(registry._builtins))
    asked: list[ToolContext] = []

    def look(context: ToolContext, arguments: dict[str, Any]) -> Any:
        asked.append(context)
        if arguments.get("day") != "Monday":
            raise ToolFailed("That day is full.")
        return {"free": ["09:00"]}

    tool_register("calendar", description="Free hours of a day.", run=look)
    return asked


def draft_of(agent: Agent, **config: Any) -> AgentVersion:
    """A version that is stored nowhere."""
    published = agent.versions.get()
    return AgentVersion(agent=agent, number=2, language="en", config={**published.config, **config})


def test_a_draft_that_is_stored_nowhere_answers(in_acme: Any, model: OpenAIStandin) -> None:
    model.answers = [Answer("From **nine**.")]
    prompt = {"system": "You are the draft.", "greeting": "Hello."}
    version = draft_of(text_agent(model), prompt=prompt)
    turn = chat().turn(version=version, history=[Said("contact", "Hi"), Said("agent", "Hello.")], text="When do you open?")
    assert (turn.reply, turn.error, turn.model) == ("From *nine*.", "", "gpt-4o-mini")
    assert [message["role"] for message in turn.prompt] == ["system", "user", "assistant", "user"]
    assert turn.prompt[0]["content"].startswith("You are the draft.\n")
    assert [tool["name"] for tool in turn.offered] == ["handoff"]
    assert turn.first_token is not None and 0 < turn.first_token <= turn.seconds
    assert turn.usage[0]["output_tokens"] == 2
    assert not Conversation.objects.exists()


def test_tools_are_run_and_told(in_acme: Any, model: OpenAIStandin, _builtins: list[ToolContext]) -> None:
    agent = text_agent(model, tools=[CALENDAR])
    asks = [("calendar", {"day": "Monday"}), ("calendar", {"day": "Friday"}), ("calendar", "no JSON")]
    model.answers = [Answer(tool_calls=asks), Answer("Nine on Monday.")]
    turn = chat().turn(version=agent.versions.get(), history=[], text="A haircut?")
    assert [(use.arguments, use.ok, use.result) for use in turn.tools] == [
        ({"day": "Monday"}, True, {"free": ["09:00"]}),
        ({"day": "Friday"}, False, "That day is full."),
        (None, False, "The arguments are not a JSON object; send them again."),
    ]
    assert {context.subject_kind for context in _builtins} == {"trial"}
    assert turn.reply == "Nine on Monday." and turn.prompt[-1]["role"] == "tool"


def test_a_tool_with_a_set_answer_is_not_run(in_acme: Any, model: OpenAIStandin, _builtins: list[ToolContext]) -> None:
    agent = text_agent(model, tools=[CALENDAR])
    model.answers = [Answer(tool_calls=[("calendar", {"day": "Friday"})]), Answer("Friday at ten.")]
    turn = chat().turn(version=agent.versions.get(), history=[], text="?", tool_answers={"calendar": {"free": ["10:00"]}})
    assert [(use.ok, use.result, use.canned) for use in turn.tools] == [(True, {"free": ["10:00"]}, True)]
    assert _builtins == []


def test_a_handoff_is_told_and_calls_nobody(in_acme: Any, model: OpenAIStandin) -> None:
    team_create(slug="sales", name="Sales")
    model.answers = [Answer(tool_calls=[("handoff", {"team": "sales", "reason": "Wants a quote."})])]
    turn = chat().turn(version=text_agent(model).versions.get(), history=[], text="A quote, please.")
    assert turn.handoff is not None
    assert (turn.handoff.team, turn.handoff.reason, turn.error) == ("sales", "Wants a quote.", "")


def test_a_phrase_hands_over_without_a_model(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model, handoff={"team": "sales", "phrases": ["human"]})
    turn = chat().turn(version=agent.versions.get(), history=[], text="A human, please")
    assert turn.handoff is not None and turn.handoff.team == "sales" and "“human”" in turn.handoff.reason
    assert model.chats == []


def test_a_fallback_answers_and_the_trouble_is_told(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model, llm={"model": "big", "fallbacks": [{"model": "small"}]})
    model.model_answers = {"big": Answer(status=500), "small": Answer("Here.")}
    turn = chat().turn(version=agent.versions.get(), history=[], text="Hello?")
    assert (turn.reply, turn.model, turn.error) == ("Here.", "small", "")
    assert turn.troubles == ["The provider of big has a fault (500). Try again in a minute."]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(status=401), "refused the API key"),
        (Answer(status=404), "has no model named gpt-4o-mini"),
        (Answer(status=429), "over its limit"),
        (Answer(status=422), "refused the request (422)"),
        (Answer(delay=None), "gave no word in the time"),
        (Answer("One two", ends="breaks"), "broke off"),
        (Answer(""), "nothing at all"),
    ],
    ids=["key", "model", "limit", "request", "silent", "breaks", "empty"],
)
def test_failures_are_told_in_words(in_acme: Any, model: OpenAIStandin, answer: Answer, says: str) -> None:
    agent = text_agent(model, limits={"first_token_seconds": 0.2 if answer.delay is None else 60})  # only silence is to be short
    model.model_answers = {"gpt-4o-mini": answer}
    turn = chat().turn(version=agent.versions.get(), history=[], text="Hello?")
    assert says in turn.error and turn.messages == []
    asked = chat().ask(version=agent.versions.get(), messages=[{"role": "user", "content": "Hello?"}])
    assert says in asked.error and asked.text == ""


def test_a_model_that_cannot_be_reached(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model)
    version = draft_of(agent)
    ProviderCredential.objects.filter(provider="openai").delete()  # the suite's own address leads nowhere
    assert "cannot be reached" in chat().turn(version=version, history=[], text="Hello?").error


def test_a_missing_key_is_named(in_acme: Any, model: OpenAIStandin, settings: Any) -> None:
    version = draft_of(text_agent(model), tts={"provider": "elevenlabs", "model": "eleven_flash_v2_5"})
    settings.PROVIDER_DEFAULTS = {}
    assert "elevenlabs" in chat().turn(version=version, history=[], text="Hello?").error


def test_another_model_can_be_asked(in_acme: Any, model: OpenAIStandin) -> None:
    agent = text_agent(model, llm={"model": "small", "options": {"top_p": 0.5}}, tools=[CALENDAR])
    model.model_answers = {"judge": Answer("0.7")}
    asked = chat().ask(version=agent.versions.get(), messages=[{"role": "user", "content": "Score it."}], model="judge")
    assert (asked.text, asked.error) == ("0.7", "")
    body = model.chats[0].body
    assert (body["model"], body["temperature"], "tools" in body, "top_p" in body) == ("judge", 0, False, False)
    assert asked.usage[0]["model"] == "judge"
