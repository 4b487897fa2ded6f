"""A call that is recorded: a real room, Media Bot's own ears, parts over HTTP, one file in the tenant's storage."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from typing import Any

import numpy as np
import pytest

from tests.calls.recording_side import RATE as RECORDED_RATE
from tests.calls.recording_side import heard, loud
from tests.e2e.caller import RATE, Caller
from tests.e2e.test_conversation import REAL_SPEECH, opening_hours
from tests.e2e.waiting import until
from tests.e2e.world import World, events
from tests.spoken import alike

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session")]
RECORDS = {"media_bot": {"ringback": "eu", "transcribe": True, "sentiment": "off", "record": True, "record_days": 7}}
GREETING = "Hello, this call is recorded. How can I help you?"


async def recording(world: World, caller: Caller) -> Any:
    """The call's recording once it is put together."""

    async def look() -> Any:
        found = await world.office.ask("recording", tenant="acme", call_id=caller.call_id)
        return found if found and found["state"] == "ready" else None

    return await until(look, "the recording", patience=120)


def levels(side: Any, step: float = 0.1) -> Any:
    return np.array([loud(side, at * step, (at + 1) * step) for at in range(int(len(side) / RECORDED_RATE / step))])


def pcm(side: Any) -> bytes:
    """At the rate of the callers of these tests."""
    places = np.arange(int(len(side) * RATE / RECORDED_RATE)) * RECORDED_RATE / RATE
    return np.interp(places, np.arange(len(side)), side).astype(np.int16).tobytes()


@pytest.mark.slow
async def test_both_sides_are_on_their_channels(world: World) -> None:
    await world.agent("recorder", opening_hours, greeting=GREETING, **REAL_SPEECH, **RECORDS)
    question = await world.models.speak("What are your opening hours?")
    async with await world.caller("recorder") as caller:
        await world.greeted(caller)
        await world.answered(caller, "nine to five", question=question)
        await until(lambda: caller.quiet("atlas"), "the end of the answer")
    found = await recording(world, caller)
    left, right = heard(base64.b64decode(found["sound"]))
    assert abs(found["seconds"] - found["call_seconds"]) < 1, (found["seconds"], found["call_seconds"])
    assert abs(len(left) / RECORDED_RATE - found["seconds"]) < 0.2
    caller_level, agent_level = levels(left), levels(right)
    talking, answering = caller_level > 500, agent_level > 500
    assert talking.sum() > 8
    assert answering.sum() > 20
    assert agent_level[talking & ~answering].max() < 250, "the caller is not heard on the agent's side"
    asked, answered = await world.recognise(pcm(left)), await world.recognise(pcm(right))
    assert alike("opening hours", asked), asked
    assert alike("how can I help you", answered), answered
    assert not alike("we are open from 9 to 5", asked), "the agent is not heard on the caller's side"
    record = await world.recorded(caller, "its seconds on the bill", lambda r: _recorded_seconds(r))
    assert _recorded_seconds(record) == [found["recorded_seconds"]]
    assert not [e for e in events(record, "error", "media-bot") if e["code"] == "not_recorded"]
    assert (await world.http("GET", f"/api/v1/calls/{caller.call_id}/recording", tenant="acme")).status_code in (401, 403)


@pytest.mark.slow
async def test_a_media_bot_that_died_loses_only_what_it_had_not_sent(world: World) -> None:
    await world.agent("bereft", opening_hours, greeting=GREETING, **RECORDS)
    async with await world.caller("bereft") as caller:
        await world.greeted(caller)
        await world.recorded(caller, "the first part", lambda r: r["parts"])
        os.killpg(world.stack.process("media-bot").pid, signal.SIGKILL)
        await asyncio.to_thread(world.stack.process("media-bot").stop)
        await asyncio.to_thread(world.stack.restart, "media-bot")
        await world.recorded(caller, "the successor's first part", lambda r: len({part["run"] for part in r["parts"]}) == 2)
        await caller.say(world.question)
    found = await recording(world, caller)
    left, _right = heard(base64.b64decode(found["sound"]))
    assert found["segments"] == 2
    assert found["recorded_seconds"] < found["seconds"]
    assert abs(found["seconds"] - found["call_seconds"]) < 1.5
    assert levels(left)[-40:].max() > 500, "what was said last is heard at the end"
    record = await world.recorded(caller, "its seconds on the bill", lambda r: _recorded_seconds(r))
    assert _recorded_seconds(record) == [found["recorded_seconds"]]


def _recorded_seconds(record: Any) -> list[float]:
    """Of the newest row of the ledger, which holds all that was used."""
    usage = [row for entry in record["ledger"][-1:] for row in entry["usage"]]
    return [row["audio_duration"] for row in usage if row["kind"] == "recording"]
