"""Wire shapes shared with the web side, as pydantic models.

Every model ignores fields it does not know, so that either side can be deployed first.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

ProviderName = Literal["openai", "deepgram", "elevenlabs"]
Speaker = Literal["caller", "agent"]
EndedReason = Literal[
    "caller_hangup", "agent_hangup", "transferred", "no_agent", "max_duration", "spend_limit", "suspended", "error"
]


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def iso_z(moment: datetime) -> str:
    """A moment as ISO-8601 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


UtcTime = Annotated[datetime, PlainSerializer(iso_z, return_type=str, when_used="json")]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


# --- dispatch metadata -------------------------------------------------------------------


class Announcement(Shape):
    text: str
    language: str = "en"
    end_call: bool = True


class Dispatch(Shape):
    """Metadata of an agent dispatch, written by the Call Service.

    `agent_id` and `token` are null when the tenant or the agent is unknown: then only an
    announcement can be spoken.
    """

    tenant: str | None = None
    agent_id: str | None = None
    call_id: str
    token: str | None = None
    api_url: str
    attempt: int = 1
    announcement: Announcement | None = None
    ringback: str | None = None


# --- GET /agents/{agent_id} --------------------------------------------------------------


class Prompt(Shape):
    system: str = ""
    greeting: str = ""


class SpeechToText(Shape):
    provider: ProviderName
    model: str
    options: dict[str, Any] = Field(default_factory=dict)


class LanguageModel(Shape):
    provider: ProviderName
    model: str
    temperature: float | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    fallbacks: list[LanguageModel] = Field(default_factory=list)


class TextToSpeech(Shape):
    provider: ProviderName
    model: str
    voice: str = ""
    options: dict[str, Any] = Field(default_factory=dict)


class TurnTaking(Shape):
    """Seconds."""

    min_endpointing_delay: float = 0.3
    max_endpointing_delay: float = 2.5
    allow_interruptions: bool = True
    preemptive: bool = True


class ToolSpec(Shape):
    name: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    kind: str = "http"


class Handoff(Shape):
    team: str | None = None
    phrases: list[str] = Field(default_factory=list)


class Limits(Shape):
    """Seconds."""

    max_call_seconds: float = 1800
    first_word_seconds: float = 6
    first_token_seconds: float = 4


class MediaBotConfig(Shape):
    ringback: str | None = "eu"
    transcribe: bool = True
    sentiment: str | None = "vader"
    record: bool = False
    record_days: int = 30  # of the Call Service, which keeps it


class KnowledgeConfig(Shape):
    """Which documents the agent knows: all, or those of a list."""

    documents: Literal["all"] | list[str] = Field(default_factory=list)
    mode: Literal["always", "tool"] = "always"
    top_k: int = 4

    @property
    def before_each_turn(self) -> bool:
        """Whether passages are put before the model, instead of leaving it to the model to look them up."""
        return bool(self.documents) and self.mode == "always"


class Credential(Shape):
    api_key: str = Field(default="", repr=False)
    base_url: str | None = None
    allowed_networks: list[str] | None = None  # for an address that the company chose; see guard.py


class AgentConfig(Shape):
    """The published version of an agent, as Compass answers it."""

    id: str
    slug: str = ""
    name: str = ""
    tenant: str = ""
    version: int = 0
    language: str = "en"
    prompt: Prompt = Prompt()
    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech
    turn_taking: TurnTaking = TurnTaking()
    tools: list[ToolSpec] = Field(default_factory=list)
    handoff: Handoff | None = None
    limits: Limits = Limits()
    media_bot: MediaBotConfig = MediaBotConfig()
    knowledge: KnowledgeConfig = KnowledgeConfig()
    credentials: dict[str, Credential] = Field(default_factory=dict)


# --- usage -------------------------------------------------------------------------------


class SttUsage(Shape):
    """`audio_duration` in seconds."""

    kind: Literal["stt"] = "stt"
    provider: str
    model: str
    audio_duration: float = 0.0


class LlmUsage(Shape):
    kind: Literal["llm"] = "llm"
    provider: str
    model: str
    input_tokens: int = 0
    input_cached_tokens: int = 0
    output_tokens: int = 0


class TtsUsage(Shape):
    kind: Literal["tts"] = "tts"
    provider: str
    model: str
    characters_count: int = 0


UsageRow = Annotated[SttUsage | LlmUsage | TtsUsage, Field(discriminator="kind")]


# --- POST /calls/{call_id}/events --------------------------------------------------------


class Event(Shape):
    """One thing that happened in a call; `seq` and `source` are added when it is sent."""

    at: UtcTime = Field(default_factory=utc_now)


class StateEvent(Event):
    type: Literal["state"] = "state"
    state: Literal[
        "joined",
        "initializing",
        "listening",
        "thinking",
        "speaking",
        "ringback_started",
        "ringback_stopped",
        "closed",
    ]
    detail: str | None = None


class TranscriptEvent(Event):
    type: Literal["transcript"] = "transcript"
    speaker: Speaker
    text: str
    started_at: UtcTime | None = None
    ended_at: UtcTime | None = None
    interrupted: bool | None = None
    language: str | None = None


class SentimentEvent(Event):
    """`score` from -1 (negative) to 1 (positive)."""

    type: Literal["sentiment"] = "sentiment"
    speaker: Speaker = "caller"
    score: float
    label: Literal["positive", "neutral", "negative"]
    text: str


class LatencyEvent(Event):
    """Seconds, for one turn of the agent."""

    type: Literal["latency"] = "latency"
    turn: int
    e2e: float
    end_of_turn: float | None = None
    transcription: float | None = None
    llm_first_token: float | None = None
    tts_first_audio: float | None = None


class ToolEvent(Event):
    """`duration` in seconds; `sources` says where in the company's documents an answer may come from."""

    type: Literal["tool"] = "tool"
    name: str
    ok: bool
    duration: float
    error: str | None = None
    sources: list[str] = Field(default_factory=list)


class UsageEvent(Event):
    """What this run has used since its start, cumulative."""

    type: Literal["usage"] = "usage"
    usage: list[UsageRow]


class HeartbeatEvent(Event):
    type: Literal["heartbeat"] = "heartbeat"


class ErrorEvent(Event):
    type: Literal["error"] = "error"
    code: str
    message: str
    recoverable: bool = True


AnyEvent = StateEvent | TranscriptEvent | SentimentEvent | LatencyEvent | ToolEvent | UsageEvent | HeartbeatEvent | ErrorEvent


# --- PUT /calls/{call_id}/recording ------------------------------------------------------


class RecordingPart(Shape):
    """Some pages of one run's Ogg/Opus stream. `number` counts from 0; `started_at` is when the run's first sample was."""

    run: int
    number: int
    started_at: UtcTime
    last: bool = False
    data: bytes = Field(repr=False)


# --- GET /calls/{call_id}/transcript -----------------------------------------------------


class TranscriptItem(Shape):
    speaker: Speaker
    text: str
    at: datetime | None = None


class Transcript(Shape):
    """What earlier runs of a call said and used."""

    call_id: str
    agent_id: str | None = None
    started_at: datetime | None = None
    items: list[TranscriptItem] = Field(default_factory=list)
    usage: list[UsageRow] = Field(default_factory=list)


# --- POST /billing/calls -----------------------------------------------------------------


class BillingReport(Shape):
    """`duration` in seconds."""

    call_id: str
    agent_id: str
    channel: Literal["webrtc", "sip"]
    started_at: UtcTime
    ended_at: UtcTime
    duration: float
    ended_reason: EndedReason
    transcript_ref: str
    usage: list[UsageRow] = Field(default_factory=list)
