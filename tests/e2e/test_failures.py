"""What breaks while people talk: the web side, the worker, the dispatch, the model."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import psutil
import pytest

from embedded.models import SPEECH_MODEL, VOICE
from tests.e2e.caller import Caller
from tests.e2e.waiting import until
from tests.e2e.world import World, events, said
from tests.spoken import alike
from tests.standins.openai import Answer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session")]
LONG = "This sentence is long, so that there is time to end the worker before it has come to its own end. " * 2
SILENT = Answer(delay=None)


async def test_call_comes_while_the_web_side_is_down(world: World) -> None:
    await world.agent("patient")
    caller = await world.caller("patient")
    async with AsyncExitStack() as calling:
        async with world.without("web"):
            await calling.enter_async_context(caller)
            await world.recorded(caller, "the sweeper's dispatch", lambda r: r["dispatches"])
        await until(lambda: caller.heard("atlas") > 0.2, "the greeting")
        await world.recorded(caller, "the answered call", lambda r: r["state"] == "in_progress")
    record = await world.billed(caller)
    assert (record["state"], len(record["ledger"])) == ("completed", 1)


async def test_killed_worker_is_replaced_and_billed_once(world: World) -> None:
    await world.agent("survivor", greeting=LONG)
    async with await world.caller("survivor") as caller:
        await until(lambda: caller.heard("atlas") > 1, "the greeting under way")
        first = {ear.participant.identity for ear in caller.of("atlas")}
        (await until(lambda: _only(world.atlas_jobs()), "the job's process")).kill()
        await until(lambda: _heard_besides(caller, first) > 0.3, "speech again")
        await world.recorded(caller, "the new worker's words", lambda r: "Please go on" in said(r, "agent"))
    record = await world.billed(caller)
    assert {"atlas", "atlas.2"} <= {e["source"] for e in record["events"]}
    assert (record["state"], record["ended_reason"]) == ("completed", "caller_hangup")
    assert (len(record["ledger"]), record["conflicts"]) == (1, 0)


def _only(jobs: list[psutil.Process]) -> psutil.Process | None:
    return jobs[0] if len(jobs) == 1 else None


def _heard_besides(caller: Caller, identities: set[str]) -> float:
    return sum(ear.loud_seconds for ear in caller.of("atlas") if ear.participant.identity not in identities)


@pytest.mark.slow
async def test_killed_media_bot_is_followed_by_another_and_billed_once(world: World) -> None:
    await world.agent("steady", lambda body: Answer(text="We are still here."))
    async with await world.caller("steady") as caller:
        await world.greeted(caller)
        async with world.without("media-bot"):
            await caller.say(world.question)
            await world.recorded(caller, "an answer without Media Bot", lambda r: "still here" in said(r, "agent"))
        await world.recorded(caller, "the next Media Bot", lambda r: _joined(r, "media-bot", 2))
        await caller.say(world.question)
        await world.recorded(caller, "its transcript", lambda r: _sides(r, "media-bot.2") == {"agent", "caller"})
    record = await world.billed(caller)
    assert (record["state"], record["ended_reason"]) == ("completed", "caller_hangup")
    assert [entry["source"] for entry in record["ledger"]].count("report") == 1
    assert {entry["source"] for entry in record["ledger"]} <= {"report", "meter"}
    assert record["conflicts"] == 0


@pytest.mark.slow
async def test_media_bot_that_hangs_is_followed_by_another_and_billed_once(world: World) -> None:
    await world.agent("watched", lambda body: Answer(text="We are still here."))
    async with await world.caller("watched") as caller:
        await world.greeted(caller)
        async with world.asleep("media-bot"):
            await world.recorded(caller, "the next one to be asked", lambda r: _asked(r, "media-bot") == [1, 2])
        await world.recorded(caller, "the next Media Bot", lambda r: _joined(r, "media-bot", 2))
        await caller.say(world.question)
        await world.recorded(caller, "its transcript", lambda r: _sides(r, "media-bot.2") == {"agent", "caller"})
    record = await world.billed(caller)
    assert _asked(record, "media-bot") == [1, 2]
    assert [entry["source"] for entry in record["ledger"]].count("report") == 1
    assert record["conflicts"] == 0


def _asked(record: Any, agent_name: str) -> list[int]:
    return sorted(d["attempt"] for d in record["dispatches"] if d["agent_name"] == agent_name)


def _joined(record: Any, agent_name: str, attempt: int) -> bool:
    here = [d["attempt"] for d in record["dispatches"] if d["agent_name"] == agent_name and d["state"] == "joined"]
    return here == [attempt]


def _sides(record: Any, source: str) -> set[str]:
    return {e["speaker"] for e in record["events"] if (e["type"], e["source"]) == ("transcript", source)}


@pytest.mark.slow
async def test_nobody_takes_the_dispatch(world: World) -> None:
    await world.agent("absent", tts={"provider": "openai", "model": SPEECH_MODEL, "voice": VOICE})
    async with world.asleep("atlas"), await world.caller("absent") as caller:
        await until(lambda: caller.heard("media-bot") > 0.5, "ringing")
        await until(lambda: caller.left, "the end of the call")
    sentence = b"".join(bytes(ear.samples) for ear in caller.of("media-bot", "announcement"))
    heard = await world.recognise(sentence)
    assert alike("be reached", heard), heard
    record = await world.ended(caller)
    assert (record["state"], record["ended_reason"], record["ledger"]) == ("failed", "no_agent", [])
    assert "Atlas was asked 2 times" in record["detail"]


@pytest.mark.slow
async def test_model_that_never_answers(world: World) -> None:
    limits = {"first_token_seconds": 1}
    model = {"provider": "openai", "model": "gpt-4o-mini"}
    helped = model | {"fallbacks": [{"provider": "openai", "model": "gpt-4o"}]}
    await world.agent("mute", lambda body: SILENT, limits=limits)
    await world.agent("helped", _second_model_only, limits=limits, llm=helped)
    saved, lost = await asyncio.gather(_saved(world), _lost(world))
    assert "One moment" in said(saved, "agent")
    assert (saved["state"], saved["ended_reason"]) == ("completed", "caller_hangup")
    assert (lost["state"], lost["ended_reason"]) == ("failed", "error")
    assert "I cannot answer right now" in said(lost, "agent")
    assert [len(record["ledger"]) for record in (saved, lost)] == [1, 1]
    assert [e["state"] for e in events(lost, "state", "atlas")][-1] == "closed"


def _second_model_only(body: dict[str, Any]) -> Answer:
    return Answer(text="The second model is here.") if body["model"] == "gpt-4o" else SILENT


async def _saved(world: World) -> Any:
    async with await world.caller("helped") as caller:
        await world.greeted(caller)
        await world.answered(caller, "The second model is here")
    return await world.billed(caller)


async def _lost(world: World) -> Any:
    async with await world.caller("mute") as caller:
        await world.greeted(caller)
        await caller.say(world.question)
        await until(lambda: caller.left, "the end of the call")
    return await world.billed(caller)
