"""Reporting, tools, greeting and admission, without a room."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import ConversationItemAddedEvent, ToolError, UserStateChangedEvent, llm

from agents_worker.atlas.greeting import Greeting
from agents_worker.atlas.reporting import Reporter
from agents_worker.atlas.session import turn_handling
from agents_worker.atlas.tools import END_CALL, compass_tools, end_call_tool
from agents_worker.backend import ApiRefused, ApiUnavailable, ToolFailed
from agents_worker.contracts import AgentConfig, AnyEvent, LatencyEvent, ToolEvent, ToolSpec, TranscriptEvent, TurnTaking
from agents_worker.providers import ModelFactory
from agents_worker.server import Admission
from agents_worker.usage import UsageMeter
from tests.agents_worker.web_side import agent_config
from tests.standins.openai import OpenAIStandin

# --- reporting ---------------------------------------------------------------------------


class Told:
    """A session's events, and what the reporter made of them."""

    def __init__(self) -> None:
        self.session: rtc.EventEmitter[str] = rtc.EventEmitter()
        self.events: list[AnyEvent] = []
        self.reporter = Reporter(self.events.append, UsageMeter(), language="en")
        self.reporter.attach(cast(Any, self.session))

    def item(self, role: llm.ChatRole, text: str, interrupted: bool = False, **metrics: float) -> None:
        message = llm.ChatMessage(role=role, content=[text], interrupted=interrupted, metrics=cast(Any, metrics))
        self.session.emit("conversation_item_added", ConversationItemAddedEvent(item=message))

    def caller(self, new: str, at: float) -> None:
        event = UserStateChangedEvent(old_state="speaking", new_state=cast(Any, new), created_at=at)
        self.session.emit("user_state_changed", event)

    def state(self, new: str) -> None:
        self.session.emit("agent_state_changed", SimpleNamespace(new_state=new))


def test_both_sides_are_told_and_each_turn_has_its_latency() -> None:
    told = Told()
    told.item("assistant", "Welcome.")
    told.item("user", "Hello?", end_of_turn_delay=0.35, transcription_delay=0.3)
    told.item("assistant", "Hi.", e2e_latency=0.81234567, llm_node_ttft=0.2, tts_node_ttfb=0.1)
    said = [(e.speaker, e.text) for e in told.events if isinstance(e, TranscriptEvent)]
    assert said == [("agent", "Welcome."), ("caller", "Hello?"), ("agent", "Hi.")]
    (latency,) = [e for e in told.events if isinstance(e, LatencyEvent)]
    assert latency.model_dump(exclude={"at", "type"}) == {
        "turn": 1,
        "e2e": 0.8123,
        "end_of_turn": 0.35,
        "transcription": 0.3,
        "llm_first_token": 0.2,
        "tts_first_audio": 0.1,
    }


def test_words_recognised_late_belong_to_the_turn_before_them() -> None:
    told = Told()
    told.item("user", "Hello?", stopped_speaking_at=100.0, end_of_turn_delay=0.4)
    told.item("user", "When are you open?")
    told.item("assistant", "All day.", started_speaking_at=101.25, llm_node_ttft=0.2)
    told.item("assistant", "Anything else?", started_speaking_at=104.0)
    (latency,) = [e for e in told.events if isinstance(e, LatencyEvent)]
    assert (latency.turn, latency.e2e, latency.end_of_turn, latency.llm_first_token) == (1, 1.25, 0.4, 0.2)


def test_an_answer_is_timed_from_the_callers_last_word() -> None:
    told = Told()
    told.item("user", "Hello?", stopped_speaking_at=100.0, end_of_turn_delay=0.4)
    told.caller("listening", 103.5)
    told.item("user", "So when are you open?")
    told.caller("speaking", 104.5)
    told.caller("listening", 105.0)  # while the agent spoke already
    told.item("assistant", "All day.", started_speaking_at=104.25, e2e_latency=4.25)
    assert [e.e2e for e in told.events if isinstance(e, LatencyEvent)] == [0.75]
    told.item("user", "And on Sunday?", stopped_speaking_at=106.0)
    told.caller("listening", 107.5)
    told.item("assistant", "Closed.", started_speaking_at=108.25, e2e_latency=2.25)
    assert [e.e2e for e in told.events if isinstance(e, LatencyEvent)][1:] == [0.75]


def test_a_cut_sentence_is_marked_and_silence_is_not_told() -> None:
    told = Told()
    told.item("assistant", "We are op", interrupted=True)
    told.item("assistant", "  ")
    told.item("system", "Be kind.")
    (event,) = told.events
    assert isinstance(event, TranscriptEvent)
    assert event.interrupted


def test_a_state_that_the_contract_does_not_know_is_not_told() -> None:
    told = Told()
    for state in ("listening", "idle", "speaking"):
        told.state(state)
    assert [cast(Any, event).state for event in told.events] == ["listening", "speaking"]


def test_whether_the_agent_spoke_is_known_for_each_turn() -> None:
    told = Told()
    told.state("speaking")
    assert told.reporter.spoke_this_turn
    told.item("user", "Bye.")
    assert not told.reporter.spoke_this_turn


# --- tools ---------------------------------------------------------------------------------

SPEC = ToolSpec(name="slots", description="Free times.", parameters={"type": "object"})


class Compass:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def tool_run(self, name: str, arguments: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def run_tool(answer: Any) -> tuple[str, list[ToolEvent]]:
    events: list[Any] = []
    (tool,) = compass_tools([SPEC], cast(Any, Compass(answer)), events.append)
    try:
        return await cast(Any, tool)({"day": "Monday"}), events
    except ToolError as error:
        return f"error: {error.message}", events


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"frei": ["zehn", "elf ½"]}, json.dumps({"frei": ["zehn", "elf ½"]}, ensure_ascii=False)),
        ("Ten is free.", "Ten is free."),
        (ToolFailed("The shop is closed."), "error: slots failed: The shop is closed."),
        (ApiUnavailable("POST http://10.0.0.1: 503"), "error: slots failed: it did not answer"),
        (ApiRefused(403, "no", "This tool is not yours."), "error: slots failed: This tool is not yours."),
    ],
)
async def test_what_the_model_hears_of_a_tool(answer: Any, text: str) -> None:
    result, (event,) = await run_tool(answer)
    assert result == text
    assert event.ok is not isinstance(answer, Exception)


def test_end_call_is_the_workers_own() -> None:
    specs = [SPEC, ToolSpec(name=END_CALL)]
    names = [cast(Any, tool).info.name for tool in compass_tools(specs, cast(Any, None), list)]
    assert names == ["slots"]


class Handle:
    def __init__(self) -> None:
        self.callbacks: list[Any] = []

    def add_done_callback(self, callback: Any) -> None:
        self.callbacks.append(callback)


@pytest.mark.parametrize("spoke", [True, False])
async def test_hanging_up_waits_for_the_goodbye(spoke: bool) -> None:
    ended: list[bool] = []
    handle = Handle()

    async def played() -> None:
        return None

    context = SimpleNamespace(wait_for_playout=played, speech_handle=handle)
    tool = end_call_tool(lambda: ended.append(True), lambda: spoke)
    answer = await cast(Any, tool)(context)
    assert (answer is None) is spoke
    assert ended == []
    handle.callbacks[0](handle)
    assert ended == [True]


# --- greeting --------------------------------------------------------------------------------


@pytest.fixture
async def factory(models: OpenAIStandin) -> AsyncIterator[ModelFactory]:
    made = ModelFactory(AgentConfig.model_validate(agent_config(models.base_url)))
    yield made
    await made.aclose()


async def test_a_greeting_is_prepared_ahead(factory: ModelFactory, models: OpenAIStandin) -> None:
    greeting = Greeting(factory.tts(), "Welcome to Acme.")
    await models.wait_for(lambda: bool(models.speeches))
    audio = await greeting.audio()
    assert audio is not None
    assert sum([frame.duration async for frame in audio]) > 0.8


async def test_a_greeting_without_a_voice(factory: ModelFactory, models: OpenAIStandin) -> None:
    models.speech_status = 401
    assert await Greeting(factory.tts(), "Welcome.").audio() is None


# --- capacity and turn taking -----------------------------------------------------------------


class Request:
    def __init__(self, running: list[str], metadata: str = "{}") -> None:
        self.running = running
        self.rejected = False
        self.job = SimpleNamespace(metadata=metadata)

    async def accept(self) -> None:
        self.running.append("call")

    async def reject(self, *, terminate: bool) -> None:
        assert not terminate
        self.rejected = True


async def test_load_stays_below_the_servers_target_until_full() -> None:
    running: list[str] = []
    admission = Admission(lambda: len(running), limit=3)
    loads = []
    for _ in range(3):
        loads.append(admission.load())
        await admission.on_request(cast(Any, Request(running)))
    assert loads[0] == 0
    assert all(load < 0.7 for load in loads)
    assert admission.load() == 1
    late = Request(running)
    await admission.on_request(cast(Any, late))
    assert late.rejected


async def test_an_apology_is_taken_when_no_call_is_any_more() -> None:
    """Else the caller who is one too many hears ringing to the end."""
    running: list[str] = ["call", "call"]
    admission = Admission(lambda: len(running), limit=2, apologies=1)
    assert admission.load() < 0.7  # else livekit-server would not even ask
    about = {"call_id": "c1", "api_url": "http://web"}
    for metadata in (json.dumps(about), "not json"):
        call = Request(running, metadata)
        await admission.on_request(cast(Any, call))
        assert call.rejected
    apology = json.dumps(about | {"announcement": {"text": "Please call again later."}})
    taken = Request(running, apology)
    await admission.on_request(cast(Any, taken))
    assert not taken.rejected
    assert admission.load() == 1
    late = Request(running, apology)
    await admission.on_request(cast(Any, late))
    assert late.rejected


def test_turns_never_ask_a_cloud() -> None:
    options = turn_handling(TurnTaking(min_endpointing_delay=2, max_endpointing_delay=1))
    assert options["interruption"]["mode"] == "vad"
    assert options["endpointing"]["max_delay"] == 2
    assert cast(Any, options["turn_detection"]).model == "turn-detector-v1-mini"
    assert options["preemptive_generation"]["preemptive_tts"]
