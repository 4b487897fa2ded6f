"""Models that are slow, silent, broken or away: a fallback answers, or a person is asked to."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest

from apps.herald import answer, client
from tests.herald.factories import text_agent, turn_of, turn_post
from tests.herald.sides import ReplySide
from tests.standins.openai import Answer, OpenAIStandin

pytestmark = pytest.mark.django_db

FALLBACK = {"llm": {"model": "big", "fallbacks": [{"model": "small"}]}}


def models_asked(model: OpenAIStandin) -> list[str]:
    return [chat.body["model"] for chat in model.chats]


@pytest.mark.parametrize(
    "failure",
    [
        Answer(delay=None),
        Answer(status=500),
        Answer(status=401),
        Answer(status=429),
        Answer(text=""),
        Answer(text="We are open from nine", ends="breaks"),
    ],
    ids=["silent", "broken", "refused", "busy", "empty", "cut off"],
)
def test_the_fallback_answers(in_acme: Any, model: OpenAIStandin, channel: ReplySide, failure: Answer) -> None:
    model.model_answers = {"big": failure, "small": Answer("From nine to five.")}
    turn_post(turn_of(text_agent(model, **FALLBACK), channel))
    assert models_asked(model) == ["big", "small"]
    assert channel.messages == ["From nine to five."]
    assert channel.done["escalate"] is False
    assert channel.done["usage"][-1]["model"] == "small"


def test_a_model_that_stalls_in_the_middle(
    in_acme: Any, model: OpenAIStandin, channel: ReplySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "STALL_SECONDS", 0.2)
    model.model_answers = {"big": Answer("We are", ends="stalls"), "small": Answer("From nine to five.")}
    turn_post(turn_of(text_agent(model, **FALLBACK), channel))
    assert channel.messages == ["From nine to five."]


def test_a_slow_turn_pays_for_a_bad_model_once(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    model.model_answers = {"big": Answer(status=500)}
    model.script = lambda body: Answer("Done.") if len(model.chats) > 2 else Answer(tool_calls=[("look", {})])
    turn_post(turn_of(text_agent(model, **FALLBACK), channel))
    assert models_asked(model) == ["big", "small", "small"]
    assert channel.messages == ["Done."]


def test_a_lone_model_is_asked_twice(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    model.answers = [Answer(delay=None), Answer("From nine to five.")]
    turn_post(turn_of(text_agent(model), channel))
    assert channel.messages == ["From nine to five."]


def test_a_lone_model_that_refuses_is_not_asked_again(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    model.answers = [Answer(status=400)]
    turn_post(turn_of(text_agent(model), channel))
    assert len(model.chats) == 1
    assert (channel.done["escalate"], channel.done["reason"]) == (True, "error")


def test_nobody_answers(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    model.model_answers = {"big": Answer(delay=None), "small": Answer(status=503)}
    turn_post(turn_of(text_agent(model, **FALLBACK), channel))
    assert channel.events == ["typing", "done"]
    assert (channel.done["escalate"], channel.done["team"], channel.done["reason"]) == (True, None, "error")
    assert channel.done["summary"] == "Contact: “What are your opening hours?” Not answered."


def test_the_model_is_away(in_acme: Any, channel: ReplySide) -> None:
    away = OpenAIStandin()
    away.port = 1
    turn_post(turn_of(text_agent(away), channel))
    assert (channel.done["escalate"], channel.done["reason"]) == (True, "error")


def test_turns_that_come_first_and_at_once_share_one_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    @cache
    def start() -> object:
        entered.wait(0.2)  # nobody ever comes in beside the first
        started.append(object())
        return started[-1]

    entered = threading.Event()
    monkeypatch.setattr(client, "_loop_start", start)
    with ThreadPoolExecutor(8) as pool:
        loops = set(pool.map(lambda _: client._loop(), range(8)))
    assert len(loops) == len(started) == 1
