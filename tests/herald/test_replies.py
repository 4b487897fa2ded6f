"""The channel's side: away for a while, refusing, or held by a person by now."""

from typing import Any

import pytest

from apps.herald import services
from tests.herald.factories import text_agent, turn_of, turn_post
from tests.herald.sides import ReplySide
from tests.standins.openai import Answer, OpenAIStandin

pytestmark = pytest.mark.django_db


def test_every_event_is_sent_until_it_is_taken(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    channel.statuses = [503, 0, 429, 200, 500, 200, 0, 502]
    turn_post(turn_of(text_agent(model), channel))
    assert [event["seq"] for event in channel.attempts] == [0, 0, 0, 0, 1, 1, 2, 2, 2]
    assert channel.events == ["typing", "message", "done"]
    assert [event["seq"] for event in channel.taken] == [0, 1, 2]
    assert len(channel.tokens) == 1


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_stale_turn_stops_quietly(in_acme: Any, model: OpenAIStandin, channel: ReplySide, before: int) -> None:
    channel.statuses = [200] * before + [409]
    turn_post(turn_of(text_agent(model), channel))
    assert len(channel.attempts) == before + 1
    assert channel.events == ["typing", "message"][:before]


def test_a_refusal_is_final(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    channel.statuses = [200, 401]
    turn_post(turn_of(text_agent(model), channel))
    assert [event["event"] for event in channel.attempts] == ["typing", "message"]


def test_a_channel_that_stays_away_is_given_up(
    in_acme: Any, model: OpenAIStandin, channel: ReplySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "TURN_SECONDS", 0.3)
    channel.statuses = [503] * 1000
    turn_post(turn_of(text_agent(model), channel))
    assert len(channel.attempts) > 1
    assert {event["seq"] for event in channel.attempts} == {0}


def test_a_stale_answer_to_a_tool_round_asks_no_more(in_acme: Any, model: OpenAIStandin, channel: ReplySide) -> None:
    model.answers = [Answer("One moment.", tool_calls=[("look", {})])]
    channel.statuses = [200, 409]
    turn_post(turn_of(text_agent(model), channel))
    assert len(model.chats) == 1
