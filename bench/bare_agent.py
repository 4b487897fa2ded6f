"""The other side of the voice benches: a bare livekit-agents session with the same plugins, settings and providers.

`python -m bench.bare_agent`, as livekit-agents' own examples do it: the worker's load, its idle processes and its admission are
its defaults, unless BENCH_ANY_LOAD has it take every job. It appends one line of JSON per answered turn to the file named in
BENCH_TURNS.
"""

import asyncio
import json
import os
import signal

from livekit import rtc
from livekit.agents import (
    Agent,
    AgentServer,
    AgentSession,
    ConversationItemAddedEvent,
    JobContext,
    JobProcess,
    TurnHandlingOptions,
    inference,
    llm,
    room_io,
)
from livekit.plugins import openai

AGENT = "bare"
GREETING = "Hello, this is Reception at Acme. How can I help you?"
KINDS = [rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD]


def prewarm(process: JobProcess) -> None:
    """As the examples have it."""
    process.userdata["vad"] = inference.VAD()


def session_make(vad: inference.VAD) -> AgentSession[None]:
    """The settings that Reception's published version has."""
    url, key = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
    return AgentSession(
        stt=openai.STT(model="gpt-4o-mini-transcribe", language="en", base_url=url, api_key=key),
        vad=vad,
        llm=openai.LLM(model="gpt-4o-mini", base_url=url, api_key=key),
        tts=openai.TTS(model="gpt-4o-mini-tts", voice="alloy", response_format="pcm", base_url=url, api_key=key),
        turn_handling=TurnHandlingOptions(
            turn_detection=inference.TurnDetector(version="v1-mini"),
            endpointing={"mode": "fixed", "min_delay": 0.3, "max_delay": float(os.environ["BENCH_MAX_ENDPOINTING"])},
            interruption={"enabled": True, "mode": "vad"},
            preemptive_generation={"enabled": True, "preemptive_tts": True},
        ),
        user_away_timeout=None,
    )


def turn_note(event: ConversationItemAddedEvent) -> None:
    """One line for each answer that has a latency."""
    if isinstance(event.item, llm.ChatMessage) and "e2e_latency" in event.item.metrics:
        with open(os.environ["BENCH_TURNS"], "a") as file:
            file.write(json.dumps({"e2e": event.item.metrics["e2e_latency"]}) + "\n")


async def entrypoint(ctx: JobContext) -> None:
    """Join, greet, answer."""
    session = session_make(ctx.proc.userdata["vad"])
    session.on("conversation_item_added", turn_note)
    options = room_io.RoomOptions(participant_kinds=KINDS)
    await session.start(Agent(instructions="You answer the phone of Acme."), room=ctx.room, room_options=options, record=False)
    session.say(GREETING)


async def run() -> None:
    """Until SIGTERM."""
    server = AgentServer(host="127.0.0.1", port=int(os.environ["BENCH_HEALTH_PORT"]))
    server.setup_fnc = prewarm
    if os.environ.get("BENCH_ANY_LOAD"):
        server.load_fnc = lambda: 0.0
    server.rtc_session(entrypoint, agent_name=AGENT)
    running = asyncio.create_task(server.run())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await asyncio.wait([running, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    await server.aclose()


if __name__ == "__main__":
    import logging

    logging.basicConfig(level=logging.INFO)
    asyncio.run(run())
