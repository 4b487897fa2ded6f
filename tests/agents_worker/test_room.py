"""Atlas and Media Bot in a real room: a real livekit-server, a real worker, models that stand in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from agents_worker.phrases import phrase
from apps.calls.caller.audio import wav_read
from embedded.paths import CHECKOUT
from tests.agents_worker.call_side import ATLAS_TRACK, Call, calling
from tests.agents_worker.conftest import resampled
from tests.agents_worker.room_side import RATE, LiveKit
from tests.agents_worker.web_side import CALL_ID
from tests.agents_worker.worker_side import Worker, worker_start
from tests.standins.deepgram import DeepgramStandin
from tests.standins.elevenlabs import ElevenLabsStandin
from tests.standins.openai import Answer

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

MODEL = "gpt-4o-mini"
LONG_ANSWER = "We are open from nine until six, and this is a long story about it, so listen well. " * 3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def livekit() -> AsyncIterator[LiveKit]:
    server = LiveKit()
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def worker(livekit: LiveKit) -> AsyncIterator[Worker]:
    started = await worker_start(livekit)
    yield started
    await started.stop()


async def test_a_conversation(livekit: LiveKit, question: bytes) -> None:
    async with calling(livekit) as call:
        await call.dispatch("media-bot", ringback="us")
        await call.caller.until(lambda: call.caller.heard(name="ringback") > 0.3)
        await call.dispatch("atlas")
        await call.greeted()
        assert call.caller.quiet("ringback")
        call.models.model_answers = {MODEL: Answer("We are open from ten until four.")}
        await call.ask(question)
        await call.web.until(lambda: len(call.web.said("agent")) == 2)
        await call.web.until(lambda: bool(call.web.of_type("sentiment", "media-bot")))
        await call.caller.leave()
        bill = await call.billed()

    web = call.web
    assert web.said("agent") == ["Welcome to Acme.", "We are open from ten until four."]
    assert web.said("caller") == [call.models.transcript]
    assert web.said("caller", "media-bot") == [call.models.transcript]
    ringing = [s for s in web.states("media-bot") if s.startswith("ringback")]
    assert ringing == ["ringback_started", "ringback_stopped"]
    assert web.states()[0] == "joined"
    assert {"listening", "thinking", "speaking"} <= set(web.states())
    (latency,) = web.of_type("latency")
    assert latency["turn"] == 1
    assert 0 < latency["e2e"] < 60  # seconds
    assert call.ended() == bill["ended_reason"] == "caller_hangup"
    assert (bill["call_id"], bill["channel"]) == (CALL_ID, "webrtc")
    assert {row["kind"] for row in bill["usage"]} == {"stt", "llm", "tts"}
    assert all(row["provider"] == "openai" for row in bill["usage"])
    captions = " ".join(text for _, text in call.caller.captions)
    assert "Welcome to Acme." in captions
    assert call.models.transcript in captions


HELLO = "Hello?"
REST = "So what are your opening hours on Saturday?"


async def in_two_parts(seconds: float) -> str:
    """The recording's first word at once; the rest takes longer than the shortest pause, as with a recogniser far away."""
    if seconds < 1.4:
        return HELLO
    await asyncio.sleep(1.0)
    return REST


async def test_what_was_said_first_is_not_answered_without_the_rest(livekit: LiveKit) -> None:
    wav = wav_read(CHECKOUT / "docs" / "audio" / "question.wav")
    async with calling(livekit) as call:
        call.models.hears = in_two_parts
        await call.dispatch("atlas")
        await call.greeted()
        await call.ask(resampled(wav.samples.tobytes(), wav.rate, RATE))
        await call.web.until(lambda: len(call.web.said("agent")) == 2)
        await call.caller.leave()
        await call.billed()
    assert call.web.said("caller") == [f"{HELLO} {REST}"]
    assert [event["interrupted"] for event in call.web.of_type("transcript") if event["speaker"] == "agent"] == [False, False]
    assert call.models.chats[-1].body["messages"][-1]["content"] == f"{HELLO} {REST}"


async def test_speech_stops_when_the_caller_speaks(livekit: LiveKit, question: bytes) -> None:
    async with calling(livekit) as call:
        await call.dispatch("atlas")
        await call.greeted()
        call.models.model_answers = {MODEL: Answer(LONG_ANSWER)}
        await call.ask(question)
        await call.caller.say(question)
        await call.web.until(lambda: len(call.web.said("agent")) >= 2)
    interrupted = call.web.of_type("transcript")
    cut = next(e for e in interrupted if e["speaker"] == "agent" and e["interrupted"])
    assert LONG_ANSWER.startswith(cut["text"][:20])
    assert len(cut["text"]) < len(LONG_ANSWER) - 20


def slots_then_goodbye(body: dict[str, Any]) -> Answer:
    """By the conversation and not by the count of requests: an answer prepared early may be asked for twice."""
    messages = body["messages"]
    told = any("Ten is free." in str(message) for message in messages)
    if messages[-1]["role"] == "tool":
        return Answer("Goodbye then." if told else "Ten is free.")
    return Answer(tool_calls=[("end_call", {}) if told else ("slots", {"day": "Saturday"})])


async def test_a_tool_and_hanging_up(livekit: LiveKit, question: bytes) -> None:
    tool = {
        "name": "slots",
        "description": "Free times.",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
        "kind": "http",
    }
    async with calling(livekit, tools=[tool]) as call:
        await call.dispatch("atlas")
        await call.greeted()
        call.models.script = slots_then_goodbye
        await call.ask(question)
        await call.web.until(lambda: "Ten is free." in call.web.said("agent"))
        await call.ask(question)
        bill = await call.billed()
    assert call.web.tool_calls[0] == ("slots", {"arguments": {"day": "Saturday"}, "call_id": CALL_ID})
    event = call.web.of_type("tool")[0]
    assert (event["name"], event["ok"]) == ("slots", True)
    assert call.web.said("agent")[-1] == "Goodbye then."
    assert call.ended() == bill["ended_reason"] == "agent_hangup"
    names = {tool["function"]["name"] for tool in call.models.chats[0].body["tools"]}
    assert names == {"slots", "end_call"}


QUICK = {"max_call_seconds": 600, "first_word_seconds": 6, "first_token_seconds": 0.7}


async def test_a_slow_model_is_covered_and_replaced(livekit: LiveKit, question: bytes) -> None:
    model = {"provider": "openai", "model": "slow", "options": {}}
    fallback = {"provider": "openai", "model": "quick"}
    async with calling(livekit, limits=QUICK, llm=model | {"fallbacks": [fallback]}) as call:
        call.models.model_answers = {"slow": Answer(delay=None), "quick": Answer("At nine.")}
        await call.dispatch("atlas")
        await call.greeted()
        await call.ask(question)
        await call.web.until(lambda: len(call.web.said("agent")) == 2)
        await call.caller.leave()
        bill = await call.billed()
    assert call.web.said("agent")[1] == f"{phrase('filler', 'en')} At nine."
    assert [row["model"] for row in bill["usage"] if row["kind"] == "llm"] == ["quick"]


async def test_a_model_that_never_answers(livekit: LiveKit, question: bytes) -> None:
    async with calling(livekit, limits=QUICK) as call:
        call.models.model_answers = {MODEL: Answer(delay=None)}
        await call.dispatch("atlas")
        await call.greeted()
        await call.caller.say(question)
        bill = await call.billed()
    assert call.web.said("agent")[-1] == phrase("apology", "en")
    assert call.ended() == bill["ended_reason"] == "error"


async def test_a_call_that_lasts_too_long(livekit: LiveKit) -> None:
    async with calling(livekit, limits=QUICK | {"max_call_seconds": 2}) as call:
        await call.dispatch("atlas")
        bill = await call.billed()
    assert call.web.said("agent")[-1] == phrase("time_up", "en")
    assert call.ended() == bill["ended_reason"] == "max_duration"


async def test_a_second_attempt_goes_on_where_the_first_died(livekit: LiveKit, question: bytes) -> None:
    started = datetime.now(UTC) - timedelta(seconds=30)
    async with calling(livekit) as call:
        call.web.earlier = {
            "call_id": CALL_ID,
            "agent_id": None,
            "started_at": started.isoformat(),
            "items": [
                {"speaker": "agent", "text": "Welcome to Acme.", "at": started.isoformat()},
                {"speaker": "caller", "text": "My name is Ada.", "at": started.isoformat()},
            ],
            "usage": [
                {
                    "kind": "llm",
                    "provider": "openai",
                    "model": "gpt-4o-mini",
                    "input_tokens": 1000,
                    "input_cached_tokens": 0,
                    "output_tokens": 100,
                }
            ],
        }
        await call.dispatch("atlas", attempt=2)
        await call.web.until(lambda: bool(call.web.said("agent", "atlas.2")))
        await call.ask(question)
        await call.web.until(lambda: len(call.web.said("agent", "atlas.2")) == 2)
        await call.caller.leave()
        bill = await call.billed()
    assert call.web.said("agent", "atlas.2")[0] == phrase("recovered", "en")
    asked = call.models.chats[0].body["messages"]
    assert "My name is Ada." in str(asked)
    assert bill["duration"] > 30
    (llm,) = [row for row in bill["usage"] if row["kind"] == "llm"]
    assert llm["input_tokens"] > 1000
    assert llm["output_tokens"] > 100


async def test_a_caller_on_the_phone(livekit: LiveKit, question: bytes) -> None:
    async with calling(livekit, kind="sip") as call:
        await call.dispatch("atlas")
        await call.greeted()
        await call.ask(question)
        await call.caller.leave()
        assert (await call.billed())["channel"] == "sip"


async def test_an_agent_that_compass_does_not_know(livekit: LiveKit) -> None:
    async with calling(livekit) as call:
        call.web.config = {}
        await call.dispatch("atlas")
        await call.web.until(lambda: call.ended() is not None)
    (error,) = call.web.of_type("error")
    assert "There is no such agent" in error["message"]
    assert not error["recoverable"]
    assert (call.ended(), call.web.bills) == ("error", [])


async def test_a_missing_key_is_told(livekit: LiveKit) -> None:
    async with calling(livekit, credentials={}) as call:
        await call.dispatch("atlas")
        await call.web.until(lambda: call.ended() is not None)
    (error,) = call.web.of_type("error")
    assert "OPENAI_API_KEY" in error["message"]


async def test_the_web_side_is_away_for_a_while(livekit: LiveKit, question: bytes) -> None:
    async with calling(livekit) as call:
        call.web.on_events = lambda events: 503
        await call.dispatch("atlas")
        await call.spoken(0.4)
        await call.ask(question)
        call.web.on_events = None
        await call.web.until(lambda: len(call.web.said("agent")) >= 1)
        await call.caller.leave()
        await call.billed()
        await call.web.until(lambda: call.ended() is not None)
    seqs = sorted(e["seq"] for e in call.web.events if e["source"] == "atlas")
    assert seqs == list(range(len(seqs)))


async def test_deepgram_and_elevenlabs(livekit: LiveKit, question: bytes) -> None:
    async with (
        DeepgramStandin(api_key="d") as ears,
        ElevenLabsStandin(api_key="e") as voice,
        calling(
            livekit,
            stt={"provider": "deepgram", "model": "nova-3"},
            tts={"provider": "elevenlabs", "model": "eleven_flash_v2_5", "voice": "v"},
        ) as call,
    ):
        call.web.config["credentials"] |= {
            "deepgram": {"api_key": "d", "base_url": ears.base_url},
            "elevenlabs": {"api_key": "e", "base_url": voice.base_url},
        }
        await call.dispatch("atlas")
        await call.dispatch("media-bot", ringback=None)
        await call.greeted()
        await call.ask(question)
        await call.web.until(lambda: bool(call.web.said("caller", "media-bot")))
        await call.caller.leave()
        bill = await call.billed()
    assert {row["provider"] for row in bill["usage"]} == {"deepgram", "openai", "elevenlabs"}
    assert ears.problems == voice.problems == []
    assert call.caller.heard(name="ringback") == 0


ANNOUNCEMENT = {"text": "Nobody can take your call.", "language": "en", "end_call": True}


def announced(call: Call) -> list[dict[str, Any]]:
    return [e for e in call.web.of_type("state", "media-bot.2") if e["state"] == "closed"]


async def test_an_announcement(livekit: LiveKit) -> None:
    async with calling(livekit) as call:
        await call.dispatch("media-bot")
        await call.caller.until(lambda: call.caller.heard(name="ringback") > 0.2)
        await call.dispatch("media-bot", attempt=2, ringback=None, announcement=ANNOUNCEMENT)
        await call.caller.until(lambda: call.caller.heard(name="announcement") > 1.0)
        assert call.caller.quiet("ringback")
        await call.web.until(lambda: bool(announced(call)))
    assert call.web.said("agent", "media-bot.2") == [ANNOUNCEMENT["text"]]
    assert call.models.speeches[-1].body["input"] == ANNOUNCEMENT["text"]


async def test_a_later_media_bot_does_not_ring_into_the_call(livekit: LiveKit, question: bytes) -> None:
    async with calling(livekit) as call:
        await call.dispatch("atlas")
        await call.greeted()
        await call.dispatch("media-bot", attempt=2, ringback="eu")
        await call.web.until(lambda: bool(call.web.states("media-bot.2")))
        await call.ask(question)
        await call.web.until(lambda: bool(call.web.said("caller", "media-bot.2")))
    assert call.web.states("media-bot.2") == ["joined"]
    assert call.caller.heard(name="ringback") == 0


async def test_an_announcement_without_a_voice_is_a_tone(livekit: LiveKit) -> None:
    async with calling(livekit) as call:
        call.models.speech_status = 500
        await call.dispatch("media-bot", attempt=2, announcement=ANNOUNCEMENT)
        await call.caller.until(lambda: call.caller.heard(name="announcement") > 1.0)
        await call.web.until(lambda: bool(announced(call)))


async def test_media_bot_without_a_configuration_still_rings(livekit: LiveKit) -> None:
    async with calling(livekit) as call:
        call.web.config = {}
        await call.dispatch("media-bot", ringback="uk")
        await call.caller.until(lambda: call.caller.heard(name="ringback") > 0.3)
        await call.web.until(lambda: bool(call.web.of_type("error", "media-bot")))
        await call.web.until(lambda: len(call.web.of_type("heartbeat", "media-bot")) >= 2)
    assert call.caller.heard(name=ATLAS_TRACK) == 0
