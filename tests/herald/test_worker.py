"""The worker process of the Procfile: turns from the queue, and what becomes of them when it is stopped or killed."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django_tenants.utils import schema_context

from tests.celery_side import celery_running, queued
from tests.herald.factories import text_agent, turn_of, turn_post
from tests.herald.sides import ReplySide
from tests.standins.openai import Answer, OpenAIStandin, last_user_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e, pytest.mark.timeout(400)]

PATIENT = {"limits": {"first_token_seconds": 60}}
Worker = Callable[[], Any]


@pytest.fixture(autouse=True)
def _queued() -> Iterator[None]:
    with queued():
        yield


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    """Starts the `turns` process on the test's own database and queue, where tenants may reach the stand-in."""
    return lambda: celery_running("turns", tmp_path / "turns.log", patience=120, TOOL_ALLOWED_NETWORKS="127.0.0.0/8")


def test_turns_of_two_tenants(acme: Any, globex: Any, model: OpenAIStandin, channel: ReplySide, worker: Worker) -> None:
    for tenant in ("acme", "globex"):
        with schema_context(tenant):
            agent = text_agent(model, prompt={"system": f"You work for {tenant}."}, llm={"model": f"{tenant}-model"}, **PATIENT)
            for number in range(4):
                turn_post(turn_of(agent, channel, f"Question {number}"))
    with worker():
        channel.wait_for(lambda: channel.events.count("done") == 8)
    assert {event["reason"] for event in channel.taken if event["event"] == "done"} == {None}
    prompts = {(chat.body["model"], chat.body["messages"][0]["content"].split("\n")[0]) for chat in model.chats}
    assert prompts == {("acme-model", "You work for acme."), ("globex-model", "You work for globex.")}


def test_a_worker_that_is_stopped_hands_its_turns_over(
    acme: Any, model: OpenAIStandin, channel: ReplySide, worker: Worker
) -> None:
    model.model_answers["gpt-4o-mini"] = Answer(delay=None)
    with worker() as process, schema_context("acme"):
        turn_post(turn_of(text_agent(model, **PATIENT), channel))
        channel.wait_for(lambda: bool(channel.taken))
        os.kill(process.pid, signal.SIGTERM)
        done = channel.wait_done()
        assert process._popen is not None
        assert process._popen.wait(60) == 0
    assert (done["escalate"], done["reason"]) == (True, "error")


def test_a_turn_whose_worker_was_killed_does_not_come_back(
    acme: Any, model: OpenAIStandin, channel: ReplySide, worker: Worker
) -> None:
    """Nothing says `done` then: the channel gives the turn up when its time is over, and a person is asked."""
    model.script = lambda body: Answer(delay=None) if last_user_text(body) == "First" else None
    with schema_context("acme"):
        agent = text_agent(model, **PATIENT)
        killed, later = turn_of(agent, channel, "First"), turn_of(agent, channel, "Second")
    with worker() as process, schema_context("acme"):
        turn_post(killed)
        channel.wait_for(lambda: bool(channel.taken))
        os.kill(process.pid, signal.SIGKILL)
    with worker(), schema_context("acme"):
        turn_post(later)
        assert channel.wait_done()["turn_id"] == later["turn_id"]
    assert [event["event"] for event in channel.attempts if event["turn_id"] == killed["turn_id"]] == ["typing"]
