"""An AgentSession as an agent's configuration wants it."""

from __future__ import annotations

from typing import Any

from livekit import rtc
from livekit.agents import (
    AgentSession,
    APIConnectOptions,
    TurnHandlingOptions,
    inference,
    room_io,
    vad,
)
from livekit.agents.voice.agent_session import SessionConnectOptions

from agents_worker.clauses import spoken_early
from agents_worker.contracts import AgentConfig, TurnTaking
from agents_worker.eager_stt import SAMPLE_RATE
from agents_worker.native import publish_options
from agents_worker.providers import Models

# must be whole tens of milliseconds: the gain control behind it takes nothing else
_FRAME_MS = 30
_SPEECH_OPTIONS = APIConnectOptions(max_retry=2, retry_interval=0.5, timeout=10.0)
# how long an echo of the agent's own first words must not interrupt it, in seconds
_ECHO_WARMUP = 1.0


def turn_handling(turns: TurnTaking) -> TurnHandlingOptions:
    """Local voice detection and end-of-turn model; nothing is asked of a cloud."""
    return TurnHandlingOptions(
        turn_detection=inference.TurnDetector(version="v1-mini"),
        endpointing={
            "mode": "fixed",
            "min_delay": turns.min_endpointing_delay,
            "max_delay": max(turns.min_endpointing_delay, turns.max_endpointing_delay),
        },
        interruption={"enabled": turns.allow_interruptions, "mode": "vad"},
        preemptive_generation={"enabled": turns.preemptive, "preemptive_tts": turns.preemptive},
    )


def session_build(
    config: AgentConfig,
    models: Models,
    detector: vad.VAD,
    caller: rtc.RemoteParticipant,
) -> AgentSession[Any]:
    """The session of one call, not started yet."""
    on_phone = caller.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP
    return AgentSession(
        stt=models.stt,
        vad=detector,
        llm=models.llms[0],
        tts=spoken_early(models.tts),
        turn_handling=turn_handling(config.turn_taking),
        aec_warmup_duration=None if on_phone else _ECHO_WARMUP,
        user_away_timeout=None,
        conn_options=SessionConnectOptions(stt_conn_options=_SPEECH_OPTIONS, tts_conn_options=_SPEECH_OPTIONS),
    )


def room_options(caller: rtc.RemoteParticipant) -> room_io.RoomOptions:
    """Linked to the caller alone, so that no other agent's track is ever heard as speech."""
    return room_io.RoomOptions(
        audio_input=room_io.AudioInputOptions(sample_rate=SAMPLE_RATE, frame_size_ms=_FRAME_MS),
        audio_output=room_io.AudioOutputOptions(track_publish_options=publish_options(rtc.TrackSource.SOURCE_MICROPHONE)),
        participant_identity=caller.identity,
        close_on_disconnect=False,
    )
