"""Shapes of what agents post about a call, and the one reader of LiveKit's webhook JSON."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from apps.calls.livekit import Participant, Room
from apps.core.payloads import storable

MAX_EVENTS = 200
MAX_TEXT = 20_000
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]


def without_nul(value: Any) -> Any:
    """The same JSON without NUL characters, which Postgres cannot keep and callers can put into a name."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, dict):
        return {without_nul(key): without_nul(item) for key, item in value.items()}
    return [without_nul(item) for item in value] if isinstance(value, list) else value


class Event(BaseModel):
    """What every event carries. Unknown further fields are kept."""

    model_config = ConfigDict(extra="allow")

    seq: int = Field(ge=0, le=2_147_483_647)
    source: str = Field(pattern=r"^(atlas|media-bot)(\.[a-z0-9]+)*$", max_length=40)
    at: datetime

    @property
    def system(self) -> str:
        """`atlas` or `media-bot`."""
        return self.source.partition(".")[0]

    @property
    def attempt(self) -> int:
        """Which dispatch this run came of: `atlas` is 1, `atlas.2` is 2."""
        number = self.source.rpartition(".")[2]
        return int(number) if number.isdigit() else 1

    @property
    def data(self) -> dict[str, Any]:
        """The fields of its own type."""
        return without_nul(self.model_dump(mode="json", exclude={"seq", "source", "type", "at"}, exclude_none=True))


AgentState = Literal[
    "joined", "initializing", "listening", "thinking", "speaking", "ringback_started", "ringback_stopped", "closed"
]


class StateEvent(Event):
    type: Literal["state"]
    state: AgentState
    detail: str | None = Field(None, max_length=500)


class TranscriptEvent(Event):
    type: Literal["transcript"]
    speaker: Literal["caller", "agent"]
    text: Text
    started_at: datetime | None = None
    ended_at: datetime | None = None
    interrupted: bool = False
    language: str | None = Field(None, max_length=35)


class SentimentEvent(Event):
    type: Literal["sentiment"]
    speaker: Literal["caller", "agent"]
    score: float = Field(ge=-1, le=1)
    label: Literal["positive", "neutral", "negative"]
    text: Text = ""


class LatencyEvent(Event):
    type: Literal["latency"]
    turn: int = Field(ge=0)
    e2e: Seconds
    end_of_turn: Seconds | None = None
    transcription: Seconds | None = None
    llm_first_token: Seconds | None = None
    tts_first_audio: Seconds | None = None


class ToolEvent(Event):
    type: Literal["tool"]
    name: str = Field(max_length=128)
    ok: bool
    duration: Seconds
    error: Text | None = None
    sources: list[Annotated[str, Field(max_length=1_000)]] = Field(default_factory=list, max_length=20)


class UsageEvent(Event):
    type: Literal["usage"]
    usage: list[dict[str, Any]] = Field(max_length=100)


class HeartbeatEvent(Event):
    type: Literal["heartbeat"]


class ErrorEvent(Event):
    type: Literal["error"]
    code: str = Field(max_length=64)
    message: Text
    recoverable: bool


AnyEvent = Annotated[
    StateEvent | TranscriptEvent | SentimentEvent | LatencyEvent | ToolEvent | UsageEvent | HeartbeatEvent | ErrorEvent,
    Field(discriminator="type"),
]


class EventBatch(BaseModel):
    """The body of POST /calls/{call_id}/events."""

    events: list[AnyEvent] = Field(max_length=MAX_EVENTS)


BATCH = TypeAdapter(EventBatch)


def webhook_room(payload: dict[str, Any]) -> dict[str, Any]:
    """The room an event is about; job events carry it inside the job."""
    return payload.get("room") or (payload.get("job") or {}).get("room") or {}


def webhook_participant(payload: dict[str, Any]) -> Participant:
    """The participant of an event; protobuf JSON leaves the default kind, STANDARD, out."""
    raw = payload.get("participant") or {}
    return Participant(
        identity=str(raw.get("identity", "")),
        kind=str(raw.get("kind", "STANDARD")),
        name=str(raw.get("name", "")),
        attributes={str(key): str(value) for key, value in (raw.get("attributes") or {}).items()},
        joined_at=int(raw.get("joinedAt", 0)),
        listens_only=_listens_only(raw.get("permission")),
    )


def webhook_made(kind: str, room: Room, participant: Participant) -> dict[str, Any]:
    """What LiveKit's webhook says of somebody in a room, in so far as it is read here."""
    person = {
        "identity": participant.identity,
        "kind": participant.kind,
        "name": participant.name,
        "attributes": participant.attributes,
        "joinedAt": str(participant.joined_at),
    }
    return storable({"event": kind, "room": {"name": room.name, "metadata": room.metadata}, "participant": person})


def _listens_only(permission: dict[str, Any] | None) -> bool:
    """Protobuf JSON leaves out what is false."""
    return permission is not None and bool(permission.get("hidden") or not permission.get("canPublish"))


def webhook_time(payload: dict[str, Any], now: datetime) -> datetime:
    """When it happened. `createdAt` is whole seconds, so `now` is closer unless the event was held up."""
    created = datetime.fromtimestamp(int(payload.get("createdAt") or 0), UTC)
    return created if 2 < (now - created).total_seconds() < 86_400 else now
