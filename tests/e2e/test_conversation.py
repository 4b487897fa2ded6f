"""Spoken calls from a browser: question and answer, interruption, tools, the agent's good-bye, two companies at once."""

from __future__ import annotations

import asyncio
import re
import sys
import wave
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from embedded.environment import surroundings
from embedded.models import SPEECH_MODEL, TRANSCRIPTION_MODEL, VOICE
from embedded.paths import CHECKOUT
from tests.e2e.models import tool_result
from tests.e2e.waiting import until
from tests.e2e.world import World, events, said
from tests.spoken import alike
from tests.standins.openai import Answer, last_user_text

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session")]
REAL_SPEECH = {
    "stt": {"provider": "openai", "model": TRANSCRIPTION_MODEL},
    "tts": {"provider": "openai", "model": SPEECH_MODEL, "voice": VOICE},
}
LONG = "This sentence is long, so that there is time to interrupt it before it has come to its end. " * 2


def opening_hours(body: dict[str, Any]) -> Answer:
    """On topic only when the question was understood."""
    understood = alike("opening hours", last_user_text(body))
    return Answer(text="We are open from nine to five." if understood else "I did not understand a word.")


async def test_spoken_question_gets_a_spoken_answer(world: World) -> None:
    greeting = "Hello, how can I help you?"
    world.models.voice_delays[greeting] = 1.5  # so that there is something to ring for
    await world.agent("hours", opening_hours, greeting=greeting, **REAL_SPEECH)
    question = await world.models.speak("I love your beautiful shop. What are your opening hours?")
    async with await world.caller("hours") as caller:
        await world.greeted(caller)
        answer = await world.answered(caller, "nine to five", question=question)
        await until(lambda: "nine to five" in caller.captions_of(mine=False), "the answer's caption")
        await until(lambda: caller.quiet("atlas"), "the end of the answer")
        await world.recorded(caller, "the caller's mood", lambda r: events(r, "sentiment"))
    assert answer["state"] == "in_progress"
    ringing, speaking = caller.first_heard("media-bot"), caller.first_heard("atlas")
    assert ringing is not None
    assert speaking is not None
    assert ringing < speaking, "ringback comes before the greeting"
    assert alike("opening hours", caller.captions_of(mine=True))
    heard = await world.recognise(caller.voice("atlas"))
    assert alike("how can I help you", heard)
    assert "nine" in heard or "9" in heard
    _check_record(await world.billed(caller))


async def test_the_terminal_places_a_call_and_tells_its_cost(world: World, tmp_path: Path) -> None:
    """`manage.py call`, as README has it, beside the whole stack."""
    await world.agent("terminal", opening_hours, greeting="Hello, how can I help you?", **REAL_SPEECH)
    saved = tmp_path / "answer.wav"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "call", "acme", "terminal", "--wav", "docs/audio/question.wav", "--save", str(saved)),
        cwd=CHECKOUT,
        env=surroundings() | world.stack.env | {"MERIDIAN_ENV_FILES": "off", "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 180)
    told = printed.decode()
    assert process.returncode == 0, told
    assert alike("opening hours", told), told
    assert "We are open from nine to five." in told, told
    assert re.search(r"\d\.\d+ USD", told), told
    with wave.open(str(saved)) as sound:
        frames = sound.readframes(sound.getnframes())
        rate = sound.getframerate()
    assert len(frames) > 2 * rate, "more than a second of sound"
    assert any(frames)


def _check_record(record: Any) -> None:
    """Everything is there after the call: both sides, mood, latency, and one entry with its cost."""
    assert (record["state"], record["ended_reason"], record["channel"]) == ("completed", "caller_hangup", "webrtc")
    assert record["said"][0]["speaker"] == "agent"
    assert alike("opening hours", said(record, "caller"))
    assert {e["speaker"] for e in events(record, "transcript", "media-bot")} == {"caller", "agent"}
    assert events(record, "sentiment")[0]["label"] == "positive"
    assert events(record, "latency", "atlas")[0]["e2e"] > 0
    rung = [e["state"] for e in events(record, "state", "media-bot") if e["state"].startswith("ringback")]
    assert rung == ["ringback_started", "ringback_stopped"]
    (entry,) = record["ledger"]
    assert record["conflicts"] == 0
    assert (entry["unpriced"], entry["source"]) == ([], "report")
    assert {row["kind"] for row in entry["usage"]} == {"stt", "llm", "tts"}
    money = {name: Decimal(amount) for name, amount in entry["money"].items()}
    assert money.pop("total") == sum(money.values()) > 0


async def test_barge_in_stops_the_speech(world: World) -> None:
    await world.agent("talker", lambda body: Answer(text="Short."), greeting=LONG)
    async with await world.caller("talker") as caller:
        await until(lambda: caller.heard("atlas") > 1.5, "the greeting under way")
        await caller.say(world.question)
        await until(lambda: caller.quiet("atlas"), "silence after the interruption")
        record = await world.recorded(caller, "the next answer", lambda r: "Short." in said(r, "agent"))
    greeting = next(item for item in record["said"] if item["speaker"] == "agent")
    assert greeting["interrupted"] is True
    assert len(greeting["text"]) < len(LONG.strip())


async def test_tool_runs_in_compass(world: World) -> None:
    def shop(body: dict[str, Any]) -> Answer:
        if found := tool_result(body):
            return Answer(text=f"It costs {'forty dollars' if 'forty dollars' in found else 'nothing that I know of'}.")
        return Answer(tool_calls=[("price", {"thing": "chair"})])

    await world.office.ask("secret", tenant="acme", name="SHOP", value="shop-secret")
    await world.agent("shop", shop, hears="How much is a chair?", tools=[_price_tool(world)])
    async with await world.caller("shop") as caller:
        await world.greeted(caller)
        record = await world.answered(caller, "It costs")
    assert "forty dollars" in said(record, "agent")
    (tool,) = events(record, "tool")
    assert (tool["name"], tool["ok"]) == ("price", True)
    assert "shop-secret" not in str(world.models.asked_of("shop")), "a secret never reaches a model"


def _price_tool(world: World) -> dict[str, Any]:
    return {
        "kind": "http",
        "name": "price",
        "description": "The price of a thing.",
        "parameters": {"type": "object", "properties": {"thing": {"type": "string"}}, "required": ["thing"]},
        "http": {
            "method": "GET",
            "url": f"http://127.0.0.1:{world.models.port}/prices/{{thing}}",
            "headers": {"X-Shop-Key": "{secret:SHOP}"},
        },
    }


async def test_agent_ends_the_call(world: World) -> None:
    goodbye = Answer(text="Thank you and goodbye.", tool_calls=[("end_call", {})])
    await world.agent("polite", lambda body: goodbye, hears="That was all, goodbye.", tools=[])
    async with await world.caller("polite") as caller:
        await world.greeted(caller)
        heard = caller.heard("atlas")
        await caller.say(world.question)
        await until(lambda: caller.left, "the room is closed for the caller")
        assert caller.heard("atlas") > heard + 0.5, "the good-bye is heard first"
        record = await world.billed(caller)
    assert (record["state"], record["ended_reason"]) == ("completed", "agent_hangup")
    assert "goodbye" in said(record, "agent")
    assert [entry["ended_reason"] for entry in record["ledger"]] == ["agent_hangup"]


async def test_two_companies_at_once(world: World) -> None:
    words = {"acme": "furniture", "globex": "journeys"}
    for tenant, word in words.items():
        await world.agent(
            f"twin-{tenant}",
            lambda body, word=word: Answer(text=f"We sell {word}."),
            tenant=tenant,
            greeting=f"All about {word}.",
        )
    records = dict(
        zip(words, await asyncio.gather(*(_twin_call(world, tenant, word) for tenant, word in words.items())), strict=True)
    )
    for tenant, other in (("acme", "globex"), ("globex", "acme")):
        assert words[tenant] in said(records[tenant], "agent")
        assert words[other] not in str(records[tenant])
        assert words[other] not in str(world.models.asked_of(f"twin-{tenant}"))
        assert records[tenant]["id"] not in await world.office.ask("calls", tenant=other)
        assert (len(records[tenant]["ledger"]), records[tenant]["foreign_entries"]) == (1, 0)


async def _twin_call(world: World, tenant: str, word: str) -> Any:
    async with await world.caller(f"twin-{tenant}", tenant) as caller:
        await world.greeted(caller)
        await world.answered(caller, f"We sell {word}", tenant)
        await until(lambda: f"We sell {word}" in caller.captions_of(mine=False), f"the caption of {tenant}")
    return await world.billed(caller, tenant)
