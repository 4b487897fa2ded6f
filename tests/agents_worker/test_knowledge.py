"""Passages before the model: in time or not at all."""

import asyncio
from typing import Any

import pytest
from livekit.agents import llm

from agents_worker.atlas.knowledge import Knowledge, asked_about, sources_of
from agents_worker.backend import ApiUnavailable
from agents_worker.contracts import AnyEvent, KnowledgeConfig, ToolEvent

SOURCE = {"document": "Hours", "page": 2, "heading": "Sundays"}
ANSWER = {"passages": [{"text": "We are closed on Sundays.", "score": 1.0, "source": SOURCE}]}


class Api:
    """Compass, as far as it is asked here."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, list[str]()

    async def tool_run(self, name: str, arguments: dict[str, Any]) -> Any:
        self.asked.append(arguments["query"])
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def chat(*words: str) -> llm.ChatContext:
    context = llm.ChatContext.empty()
    context.add_message(role="system", content="You are Reception.")
    for text in words:
        context.add_message(role="user", content=text)
    return context


def knowledge(answer: Any, events: list[AnyEvent], **config: Any) -> tuple[Knowledge, Api]:
    api = Api(answer)
    return Knowledge(KnowledgeConfig(documents="all", **config), api, events.append), api  # type: ignore[arg-type]


async def test_passages_stand_before_the_last_words_and_are_told() -> None:
    events: list[AnyEvent] = []
    known, api = knowledge(ANSWER, events)
    asked = chat("Are you open on Sundays, please?")
    put = await known.put(asked)
    texts = [item.text_content for item in put.items if isinstance(item, llm.ChatMessage)]
    assert "[Hours, page 2, Sundays] We are closed on Sundays." in (texts[1] or "")
    assert texts[2] == "Are you open on Sundays, please?"
    assert len(asked.items) == 2
    assert [(event.name, event.sources) for event in events if isinstance(event, ToolEvent)] == [
        ("search_knowledge", ["Hours, page 2, Sundays"])
    ]
    await known.put(asked)
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    "answer", [None, ApiUnavailable("away"), {"passages": []}, "odd"], ids=["slow", "away", "nothing", "odd"]
)
async def test_without_passages_in_time_the_model_is_asked_as_always(answer: Any) -> None:
    events: list[AnyEvent] = []
    known, _ = knowledge(answer, events)
    asked = chat("Are you open on Sundays, please?")
    assert await known.put(asked) is asked
    assert events == []


async def test_an_agent_that_looks_up_itself_is_left_alone() -> None:
    known, api = knowledge(ANSWER, [], mode="tool")
    asked = chat("Are you open on Sundays, please?")
    assert await known.put(asked) is asked
    assert api.asked == []


def test_a_short_question_leans_on_the_one_before() -> None:
    assert (
        asked_about(chat("When are you open on Mondays?", "And on Sundays?")) == "When are you open on Mondays? And on Sundays?"
    )
    assert asked_about(chat()) == ""
    assert sources_of({"passages": [ANSWER["passages"][0]] * 2}) == ["Hours, page 2, Sundays"]
